package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"

	coderws "github.com/coder/websocket"
	gorillaws "github.com/gorilla/websocket"
)

// messages of a WebSocket, each with whole packets, as a stream.
type messages struct {
	next func() (binary bool, message []byte, err error)
	rest []byte
}

func (m *messages) Read(into []byte) (int, error) {
	if len(m.rest) == 0 {
		binary, message, err := m.next()
		if err != nil {
			return 0, err
		}
		if !binary {
			return 0, errors.New("a text message")
		}
		m.rest = message
	}
	count := copy(into, m.rest)
	m.rest = m.rest[count:]
	return count, nil
}

// wire is the TCP connection below.
type wire struct{ tcp *net.TCPConn }

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		w.tcp = conn.(*net.TCPConn)
	}
	return conn, err
}

// cut has TCP say nothing but RST.
func (w *wire) cut() {
	must(w.tcp.SetLinger(0))
	must(w.tcp.Close())
}

type gorillaLine struct {
	messages
	wire
	*gorillaws.Conn
}

func (l *gorillaLine) Write(packet []byte) (int, error) {
	return len(packet), l.WriteMessage(gorillaws.BinaryMessage, packet)
}

func (l *gorillaLine) Read(into []byte) (int, error) { return l.messages.Read(into) }

func (l *gorillaLine) close() {
	for {
		_, _, err := l.ReadMessage()
		if gorillaws.IsCloseError(err, gorillaws.CloseNormalClosure) {
			return
		}
		must(err)
	}
}

func gorilla(scheme string) func(string) line {
	return func(address string) line {
		l := &gorillaLine{}
		dialer := gorillaws.Dialer{
			NetDialContext:    l.dial,
			TLSClientConfig:   trusted,
			EnableCompression: true,
		}
		conn, _, err := dialer.Dial(scheme+"://"+address+"/sub", nil)
		must(err)
		l.Conn = conn
		l.next = func() (bool, []byte, error) {
			kind, message, err := conn.ReadMessage()
			return kind == gorillaws.BinaryMessage, message, err
		}
		return l
	}
}

type coderLine struct {
	messages
	wire
	conn *coderws.Conn
}

func (l *coderLine) Write(packet []byte) (int, error) {
	return len(packet), l.conn.Write(context.Background(), coderws.MessageBinary, packet)
}

func (l *coderLine) close() {
	_, err := io.Copy(io.Discard, l)
	if coderws.CloseStatus(err) != coderws.StatusNormalClosure {
		must(err)
	}
}

func coder(scheme string) func(string) line {
	return func(address string) line {
		l := &coderLine{}
		client := &http.Client{Transport: &http.Transport{
			DialContext:     l.dial,
			TLSClientConfig: trusted,
		}}
		conn, _, err := coderws.Dial(context.Background(), scheme+"://"+address+"/sub",
			&coderws.DialOptions{
				HTTPClient:      client,
				CompressionMode: coderws.CompressionContextTakeover,
			})
		must(err)
		l.conn = conn
		l.next = func() (bool, []byte, error) {
			kind, message, err := conn.Read(context.Background())
			return kind == coderws.MessageBinary, message, err
		}
		return l
	}
}
