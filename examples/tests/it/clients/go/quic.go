package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"
)

// socket counts the datagrams that it has received. It offers no more than a PacketConn, so that all
// of them are read here.
type socket struct {
	net.PacketConn
	received atomic.Int64
}

func (s *socket) ReadFrom(into []byte) (int, net.Addr, error) {
	n, from, err := s.PacketConn.ReadFrom(into)
	if err == nil {
		s.received.Add(1)
	}
	return n, from, err
}

func bind() (*socket, *quic.Transport) {
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(err)
	counting := &socket{PacketConn: udp}
	return counting, &quic.Transport{Conn: counting}
}

// stream of a session, which ends with its connection.
type stream struct {
	io.ReadWriter
	socket *socket
	ended  context.Context
}

// cut leaves a server that hears nothing any more.
func (s *stream) cut() { must(s.socket.Close()) }

func (s *stream) close() {
	_, err := io.Copy(io.Discard, s)
	var ended *quic.ApplicationError
	if err != nil && !(errors.As(err, &ended) && ended.ErrorCode == 0) {
		panic(err)
	}
	<-s.ended.Done()
}

type quicLine struct {
	stream
	conn *quic.Conn
	// The socket after a migration.
	moving *socket
}

func withALPN(protocol string) *tls.Config {
	config := trusted.Clone()
	config.NextProtos = []string{protocol}
	return config
}

// Where the client has a ticket of TLS, a connection begins with early data.
func dialQUIC(address string) *quicLine {
	to, err := net.ResolveUDPAddr("udp", address)
	must(err)
	udp, transport := bind()
	conn, err := transport.DialEarly(context.Background(), to, withALPN("comet"), &quic.Config{})
	must(err)
	opened, err := conn.OpenStreamSync(context.Background())
	must(err)
	return &quicLine{stream: stream{opened, udp, conn.Context()}, conn: conn}
}

// wasEarly waits for the end of the handshake.
func (l *quicLine) wasEarly() bool {
	<-l.conn.HandshakeComplete()
	return l.conn.ConnectionState().Used0RTT
}

// migrate goes on from another socket.
func (l *quicLine) migrate() {
	udp, transport := bind()
	path, err := l.conn.AddPath(transport)
	must(err)
	must(path.Probe(context.Background()))
	must(path.Switch())
	l.moving = udp
	l.moving.received.Store(0)
}

// moved checks that the server talks to the new socket.
func (l *quicLine) moved() {
	if l.moving.received.Load() == 0 {
		fail("nothing has come to the new socket")
	}
}

func webTransport(address string) line {
	var udp *socket
	dialer := webtransport.Dialer{
		TLSClientConfig: withALPN("h3"),
		QUICConfig:      &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
		DialAddr: func(
			ctx context.Context, address string, tls *tls.Config, config *quic.Config,
		) (*quic.Conn, error) {
			to, err := net.ResolveUDPAddr("udp", address)
			if err != nil {
				return nil, err
			}
			bound, transport := bind()
			udp = bound
			return transport.DialEarly(ctx, to, tls, config)
		},
	}
	_, session, err := dialer.Dial(context.Background(), "https://"+address+"/sub", nil)
	must(err)
	opened, err := session.OpenStreamSync(context.Background())
	must(err)
	return &stream{opened, udp, session.Context()}
}
