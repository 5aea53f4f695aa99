package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Operations of the comet dialect (protocol/README.md).
const (
	opAuth      = 1
	opWelcome   = 32
	opDeliver   = 34
	opAck       = 37
	opSend      = 39
	opSendReply = 40
	opPing      = 44
	opPong      = 45
	opLeave     = 46

	headLen = 20
)

type packet struct {
	op, seq, ack uint32
	body         []byte
}

// line is what carries a session.
type line interface {
	// A write is a whole packet.
	io.ReadWriter
	// cut takes the network away, without a goodbye.
	cut()
	// close says goodbye, and waits until the server has heard it.
	close()
}

type session struct {
	line
	user string
	// What the next connection needs: fields of the last Welcome, and what has arrived.
	id, ticket       string
	attempt          uint32
	sent, received   uint32
	answered, unread []packet
}

func (s *session) send(op, seq, ack uint32, body []byte) {
	head := binary.BigEndian.AppendUint32(nil, uint32(headLen+len(body)))
	head = binary.BigEndian.AppendUint16(head, headLen)
	head = binary.BigEndian.AppendUint16(head, 2)
	for _, field := range []uint32{op, seq, ack} {
		head = binary.BigEndian.AppendUint32(head, field)
	}
	_, err := s.Write(append(head, body...))
	must(err)
}

func (s *session) receive() packet {
	head := make([]byte, headLen)
	_, err := io.ReadFull(s, head)
	must(err)
	field := func(at int) uint32 { return binary.BigEndian.Uint32(head[at:]) }
	body := make([]byte, field(0)-headLen)
	_, err = io.ReadFull(s, body)
	must(err)
	return packet{field(8), field(12), field(16), body}
}

// open authenticates over a new line, with the ticket of the one before if there was one.
func (s *session) open(over line) {
	s.line = over
	s.attempt++
	s.send(opAuth, s.attempt, 0, s.auth())
	answer := s.receive()
	if answer.op != opWelcome || answer.ack != s.attempt {
		fail("no welcome: %+v", answer)
	}
	id, resumed := "", false
	for key, value := range fields(answer.body) {
		switch key {
		case 1:
			id = value
		case 3:
			resumed = true
		case 4:
			s.ticket = value
		}
	}
	if resumed && id != s.id {
		fail("another session")
	}
	s.id = id
	fmt.Println(s.user, "is in, resumed:", resumed)
}

func (s *session) auth() []byte {
	var body []byte
	text := func(tag uint64, value string) {
		body = binary.AppendUvarint(body, tag<<3|2)
		body = append(binary.AppendUvarint(body, uint64(len(value))), value...)
	}
	number := func(tag uint64, value uint32) {
		body = binary.AppendUvarint(binary.AppendUvarint(body, tag<<3), uint64(value))
	}
	text(1, "dtalk")
	text(2, s.user)
	text(3, "lobby")
	number(16, 1)
	if s.ticket != "" {
		text(19, s.ticket)
		number(20, s.received)
	}
	number(22, s.sent+1)
	return body
}

// fields of a protobuf message by tag; numbers are in their encoded form.
func fields(body []byte) map[uint64]string {
	found := map[uint64]string{}
	reader := bytes.NewBuffer(body)
	for reader.Len() > 0 {
		key, err := binary.ReadUvarint(reader)
		must(err)
		value, err := binary.ReadUvarint(reader)
		must(err)
		if key&7 == 2 {
			found[key>>3] = string(reader.Next(int(value)))
		} else {
			found[key>>3] = fmt.Sprint(value)
		}
	}
	return found
}

// say sends a message, and waits for its answer.
func (s *session) say(text string) {
	s.sent++
	s.send(opSend, s.sent, s.sent-1, []byte(text))
	s.until(func() bool { return len(s.answered) > 0 })
	if answer := s.answered[0]; answer.ack != s.sent {
		fail("an answer to %d, not %d", answer.ack, s.sent)
	}
	s.answered = nil
}

// hear waits for the next delivery, and acknowledges it.
func (s *session) hear() {
	s.until(func() bool { return len(s.unread) > 0 })
	delivery := s.unread[0]
	s.unread = s.unread[1:]
	fmt.Printf("%s heard %d %s\n", s.user, delivery.seq, delivery.body)
	s.received = delivery.seq
	s.send(opAck, 0, s.received, nil)
}

// until reads packets until it is done. A delivery that comes again is dropped.
func (s *session) until(done func() bool) {
	for !done() {
		switch it := s.receive(); it.op {
		case opSendReply:
			s.answered = append(s.answered, it)
		case opDeliver:
			if it.seq == s.received+uint32(len(s.unread))+1 {
				s.unread = append(s.unread, it)
			}
		case opPing:
			s.send(opPong, 0, 0, it.body[:8])
		case opPong:
		default:
			fail("unexpected: %+v", it)
		}
	}
}

func (s *session) leave() {
	s.send(opLeave, 0, 0, nil)
	s.close()
}
