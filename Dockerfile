# The server in a container, for those who have a registry: docker build --tag localhost/valetkey .
# It is NOT BUILT by the tests of this repository, which have no registry: those build and run the image
# of `make image`, which has no shell.
FROM docker.io/library/python:3.13-slim AS build
WORKDIR /source
COPY . .
RUN python -m venv /opt/valetkey \
    && /opt/valetkey/bin/pip install --no-cache-dir --require-hashes --requirement requirements/image.txt \
    && pip install --no-cache-dir --require-hashes --requirement requirements/server.txt \
    && pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/valetkey/bin/pip install --no-cache-dir --no-deps /wheel/*.whl

FROM docker.io/library/python:3.13-slim
COPY --from=build /opt/valetkey /opt/valetkey
RUN ln -s /opt/valetkey/bin/valetkey /usr/bin/valetkey \
    && install -d -m 0700 -o 65532 -g 65532 /var/lib/valetkey
ENV VALETKEY_HOST=0.0.0.0 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /var/lib/valetkey
VOLUME /var/lib/valetkey
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s CMD ["/usr/bin/valetkey", "health"]
ENTRYPOINT ["/usr/bin/valetkey"]
CMD ["serve"]
