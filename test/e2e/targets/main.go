// Reads a request line (method, tab, target) from each line of its input, and writes what Go makes of it: the write that
// the Kubernetes API server sees, the call that Longhorn's REST API sees, the call that it would see through the API
// server's own proxy, and whether the query asks for a dry run. Fields are divided by tabs; "-" is none, and "!" alone is
// a request that net/http does not take.
package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/gorilla/mux"
	"k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
)

// As the API server makes it.
var infoFactory = request.RequestInfoFactory{
	APIPrefixes:          sets.NewString("api", "apis"),
	GrouplessAPIPrefixes: sets.NewString("api"),
}

var writes = sets.NewString("create", "update", "patch", "delete", "deletecollection")

const callHeader = "X-Call"

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	answers := bufio.NewWriter(os.Stdout)
	defer answers.Flush()
	router := longhorn()
	for lines.Scan() {
		method, target, _ := strings.Cut(lines.Text(), "\t")
		fmt.Fprintln(answers, answer(router, method, target))
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
}

func answer(router http.Handler, method, target string) string {
	// Longhorn's router may change the request, so each gets its own.
	forKubernetes, forLonghorn := read(method, target), read(method, target)
	if forKubernetes == nil {
		return "!"
	}
	write, through := "-", "-"
	if info, err := infoFactory.NewRequestInfo(forKubernetes); err == nil {
		write = writeOf(info)
		through = throughOf(router, info, forKubernetes)
	}
	dryRun := "-"
	if slices.Contains(forKubernetes.URL.Query()["dryRun"], "All") {
		dryRun = "dry"
	}
	return strings.Join([]string{write, callOf(router, forLonghorn), through, dryRun}, "\t")
}

// As a server reads it from a connection; nil for what it answers by itself.
func read(method, target string) *http.Request {
	head := method + " " + target + " HTTP/1.1\r\nHost: x\r\n\r\n"
	read, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		return nil
	}
	return read
}

// A write of one of Longhorn's main resources: verb, namespace, resource, name.
func writeOf(info *request.RequestInfo) string {
	if !info.IsResourceRequest || info.APIPrefix != "apis" || info.APIGroup != "longhorn.io" {
		return "-"
	}
	if info.Subresource != "" || !writes.Has(info.Verb) {
		return "-"
	}
	return named(info.Verb, info.Namespace, info.Resource, info.Name)
}

// The request that the API server's proxy to services and pods would forward, as Longhorn sees it.
func throughOf(router http.Handler, info *request.RequestInfo, asked *http.Request) string {
	isProxied := info.Resource == "services" || info.Resource == "pods"
	if info.APIPrefix != "api" || info.APIVersion != "v1" || !isProxied || info.Subresource != "proxy" {
		return "-"
	}
	// So begins each path that is routed to it.
	if info.Namespace != "longhorn-system" || !strings.HasPrefix(info.Path, "/api/v1/namespaces/") {
		return "-"
	}
	path := "/" + strings.Join(info.Parts[3:], "/")
	if strings.HasSuffix(info.Path, "/") && !strings.HasSuffix(path, "/") {
		path += "/"
	}
	there := url.URL{Path: net.JoinPreservingTrailingSlash("", path), RawQuery: asked.URL.RawQuery}
	passed := read(asked.Method, there.String())
	if passed == nil {
		return "-"
	}
	return callOf(router, passed)
}

// The guarded calls of Longhorn's REST API, on a router that is made as its manager makes it.
func longhorn() http.Handler {
	router := mux.NewRouter().StrictSlash(true)
	handle := func(route *mux.Route, call string) {
		route.HandlerFunc(func(answer http.ResponseWriter, asked *http.Request) {
			answer.Header().Set(callHeader, named(call, mux.Vars(asked)["name"]))
		})
	}
	handle(router.Methods("PUT").Path("/v1/nodes/{name}"), "node-update")
	handle(router.Methods("DELETE").Path("/v1/nodes/{name}"), "node-delete")
	handle(router.Methods("POST").Path("/v1/nodes/{name}").Queries("action", "diskUpdate"), "disk-update")
	handle(router.Methods("DELETE").Path("/v1/backingimages/{name}"), "image-delete")
	cleanup := router.Methods("POST").Path("/v1/backingimages/{name}").Queries("action", "backingImageCleanup")
	handle(cleanup, "image-cleanup")
	return router
}

func callOf(router http.Handler, asked *http.Request) string {
	answer := httptest.NewRecorder()
	router.ServeHTTP(answer, asked)
	if call := answer.Header().Get(callHeader); call != "" {
		return call
	}
	return "-"
}

// Names may be any bytes.
func named(words ...string) string {
	for at, word := range words {
		words[at] = url.QueryEscape(word)
	}
	return strings.Join(words, " ")
}
