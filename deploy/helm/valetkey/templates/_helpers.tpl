{{- define "valetkey.labels" -}}
app.kubernetes.io/name: valetkey
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "valetkey.selector" -}}
app.kubernetes.io/name: valetkey
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "valetkey.image" -}}
{{ .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag }}{{ end }}
{{- end }}

{{- define "valetkey.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  # The kubelet gives the secrets' files to this group; the server accepts that of files of root's.
  fsGroup: 65532
  seccompProfile: { type: RuntimeDefault }
volumes:
  - name: settings
    projected:
      sources:
        - configMap:
            name: {{ .Release.Name }}-valetkey
            items: [{ key: valetkey.toml, path: valetkey.toml }]
  - name: secrets
    secret:
      secretName: {{ .Values.secret.name }}
      defaultMode: 0440
      items:
        - { key: {{ .Values.secret.masterKey | quote }}, path: master.key }
        - { key: {{ .Values.secret.databaseUrl | quote }}, path: database.url }
  - name: tmp
    emptyDir: { medium: Memory, sizeLimit: 16Mi }
{{- end }}

{{- define "valetkey.container" -}}
image: {{ include "valetkey.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
env:
  - { name: VALETKEY_CONFIG, value: /etc/valetkey/valetkey.toml }
  - { name: VALETKEY_MASTER_KEY_FILE, value: /run/secrets/valetkey/master.key }
  - { name: VALETKEY_DATABASE_FILE, value: /run/secrets/valetkey/database.url }
  - { name: VALETKEY_PORT, value: "8000" }
  - { name: VALETKEY_DRAIN_SECONDS, value: {{ .Values.drainSeconds | quote }} }
volumeMounts:
  - { name: settings, mountPath: /etc/valetkey, readOnly: true }
  - { name: secrets, mountPath: /run/secrets/valetkey, readOnly: true }
  - { name: tmp, mountPath: /tmp }
{{- end }}
