// Package serve lets both servers listen in the same way.
package serve

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// Until serves at a free port of loopback over TLS until its input ends. The program's arguments name the files of its
// certificate and key. It writes its port once it listens.
func Until(handler http.Handler) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		panic(http.ServeTLS(listener, handler, os.Args[1], os.Args[2]))
	}()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	_, _ = io.Copy(io.Discard, os.Stdin)
}
