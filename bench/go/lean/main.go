// The least that a webhook in Go can do: net/http, and encoding/json into the one field that the answer needs.
package main

import (
	"encoding/json"
	"net/http"

	"holdfast.dev/bench/serve"
)

type review struct {
	Request struct {
		UID string `json:"uid"`
	} `json:"request"`
}

type response struct {
	UID     string `json:"uid"`
	Allowed bool   `json:"allowed"`
}

type answer struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Response   response `json:"response"`
}

func main() {
	serve.Until(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked review
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer{"admission.k8s.io/v1", "AdmissionReview", response{asked.Request.UID, true}})
	}))
}
