// A webhook of controller-runtime that decides nothing, with the metrics that its manager adds to each webhook.
package main

import (
	"context"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/bench/serve"
)

func main() {
	log.SetLogger(logr.Discard())
	hook := &admission.Webhook{
		Handler: admission.HandlerFunc(func(context.Context, admission.Request) admission.Response {
			return admission.Allowed("")
		}),
	}
	handler, err := admission.StandaloneWebhook(hook, admission.StandaloneOptions{MetricsPath: "/validate"})
	if err != nil {
		panic(err)
	}
	serve.Until(handler)
}
