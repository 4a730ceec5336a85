// Command kms serves local-kms on a free port of the loopback interface alone, with its data in the folder that it is given.
// It says its address on standard error.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/nsmithuk/local-kms/src"
	"github.com/nsmithuk/local-kms/src/config"
	"github.com/nsmithuk/local-kms/src/data"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: kms <folder> <region>")
		os.Exit(2)
	}
	config.DatabasePath = os.Args[1]
	config.AWSRegion = os.Args[2]
	config.AWSAccountId = "111122223333"
	database := data.NewDatabase(config.DatabasePath)
	defer database.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "listening on %s\n", listener.Addr())
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		src.HandleRequest(w, r, database)
	})
	fmt.Fprintln(os.Stderr, http.Serve(listener, handler))
	os.Exit(1)
}
