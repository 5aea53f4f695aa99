// Clients of other authors against the relay, in the comet dialect.
//
// Usage: clients KIND ADDRESS CERTIFICATE. Two users chat in a room; one of them is cut, misses a
// message, and comes back with its ticket. Prints what they see.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"
)

// deadline of the whole program, so that it cannot hang.
const deadline = 60 * time.Second

var kinds = map[string]func(address string) line{
	"gorilla":      gorilla("ws"),
	"gorilla-tls":  gorilla("wss"),
	"coder":        coder("ws"),
	"coder-tls":    coder("wss"),
	"quic":         func(address string) line { return dialQUIC(address) },
	"webtransport": webTransport,
}

func main() {
	time.AfterFunc(deadline, func() { fail("not done in %s", deadline) })
	kind, address := os.Args[1], os.Args[2]
	trust(os.Args[3])
	dial := kinds[kind]
	if dial == nil {
		fail("no kind %q", kind)
	}
	alice, bob := &session{user: "alice"}, &session{user: "bob"}
	alice.open(dial(address))
	bob.open(dial(address))
	alice.say("hello")
	alice.hear()
	bob.hear()
	alice.cut()
	fmt.Println("alice is cut")
	bob.say("where are you")
	bob.hear()
	alice.open(dial(address))
	alice.hear()
	if it, ok := alice.line.(*quicLine); ok {
		fmt.Println("alice came by early data:", it.wasEarly())
		// The server follows once it hears from the new address.
		it.migrate()
		alice.say("moving")
		alice.hear()
		bob.hear()
		it.moved()
		fmt.Println("alice has moved")
	}
	alice.say("here again")
	alice.hear()
	bob.hear()
	alice.leave()
	bob.leave()
}

// TLS of all clients: the relay's certificate is verified.
var trusted = &tls.Config{ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(8)}

func trust(certificate string) {
	pem, err := os.ReadFile(certificate)
	must(err)
	trusted.RootCAs = x509.NewCertPool()
	if !trusted.RootCAs.AppendCertsFromPEM(pem) {
		fail("no certificate in %s", certificate)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func fail(format string, arguments ...any) {
	panic(fmt.Sprintf(format, arguments...))
}
