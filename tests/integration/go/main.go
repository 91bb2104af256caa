// A web app that signs people in with coreos/go-oidc and golang.org/x/oauth2, as their own example
// has it: no PKCE.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	state = "a-state-of-this-test"
	nonce = "a-nonce-of-this-test"
)

func main() {
	ctx := context.Background()
	port := os.Getenv("PORT")
	provider, err := oidc.NewProvider(ctx, os.Getenv("ISSUER"))
	if err != nil {
		log.Fatal(err)
	}
	config := oauth2.Config{
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		Endpoint:     provider.Endpoint(),
		RedirectURL:  "http://127.0.0.1:" + port + "/callback",
		Scopes:       []string{oidc.ScopeOpenID, "profile", "email"},
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: config.ClientID})

	http.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, config.AuthCodeURL(state, oidc.Nonce(nonce)), http.StatusFound)
	})
	http.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		claims, err := signedIn(r.Context(), provider, verifier, config, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(claims)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, nil))
}

func signedIn(
	ctx context.Context, provider *oidc.Provider, verifier *oidc.IDTokenVerifier,
	config oauth2.Config, r *http.Request,
) (map[string]any, error) {
	token, err := config.Exchange(ctx, r.URL.Query().Get("code"))
	if err != nil {
		return nil, err
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if id.Nonce != nonce || r.URL.Query().Get("state") != state {
		return nil, http.ErrNoCookie
	}
	info, err := provider.UserInfo(ctx, config.TokenSource(ctx, token))
	if err != nil {
		return nil, err
	}
	claims := map[string]any{"id_token_sub": id.Subject}
	err = info.Claims(&claims)
	return claims, err
}
