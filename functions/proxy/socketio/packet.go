package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Engine.IO 4 packet types: the first character of every text message.
const (
	engineOpen    = '0'
	engineClose   = '1'
	enginePing    = '2'
	enginePong    = '3'
	engineMessage = '4'
	engineUpgrade = '5'
	engineNoop    = '6'
)

// Socket.IO 5 packet types: the first character inside an Engine.IO message.
const (
	packetConnect      = '0'
	packetDisconnect   = '1'
	packetEvent        = '2'
	packetAck          = '3'
	packetConnectError = '4'
	packetBinaryEvent  = '5'
	packetBinaryAck    = '6'
)

// rootNamespace is what a packet without a namespace belongs to.
const rootNamespace = "/"

// packet is one text message, taken apart. The fields below engine but data are set only
// where engine is engineMessage.
type packet struct {
	engine      byte
	kind        byte
	attachments int
	namespace   string
	ack         string // the ack id's digits, "" for none
	data        []byte // what follows the head, not yet checked to be JSON
}

// parsePacket takes one text message apart. data is a part of message, not a copy.
func parsePacket(message []byte) (packet, error) {
	if len(message) == 0 {
		return packet{}, errors.New("empty message")
	}
	if !utf8.Valid(message) {
		return packet{}, errors.New("text message is not UTF-8")
	}
	p := packet{engine: message[0], data: message[1:]}
	if p.engine < engineOpen || p.engine > engineNoop {
		return packet{}, fmt.Errorf("unknown Engine.IO packet type %q", p.engine)
	}
	if p.engine != engineMessage {
		return p, nil
	}
	if len(p.data) == 0 {
		return packet{}, errors.New("message without a Socket.IO packet type")
	}
	p.kind, p.data = p.data[0], p.data[1:]
	if p.kind < packetConnect || p.kind > packetBinaryAck {
		return packet{}, fmt.Errorf("unknown Socket.IO packet type %q", p.kind)
	}
	if p.kind == packetBinaryEvent || p.kind == packetBinaryAck {
		count, rest, found := bytes.Cut(p.data, []byte("-"))
		attachments, err := strconv.ParseUint(string(count), 10, 16)
		if !found || err != nil {
			return packet{}, errors.New("binary packet without a count of attachments")
		}
		p.attachments, p.data = int(attachments), rest
	}
	p.namespace = rootNamespace
	if bytes.HasPrefix(p.data, []byte("/")) {
		namespace, rest, _ := bytes.Cut(p.data, []byte(","))
		p.namespace, p.data = string(namespace), rest
	}
	digits := 0
	for digits < len(p.data) && p.data[digits] >= '0' && p.data[digits] <= '9' {
		digits++
	}
	p.ack, p.data = string(p.data[:digits]), p.data[digits:]
	return p, nil
}

// Event is one event of the root namespace.
type Event struct {
	// Name is as the server sent it: any text at all.
	Name string
	// Args are the event's arguments, each of them valid JSON as the server wrote it.
	Args []json.RawMessage
}

// parseEvent reads the data of an event packet: a JSON array of the name and the arguments.
func parseEvent(data []byte) (Event, error) {
	var args []json.RawMessage
	if err := json.Unmarshal(data, &args); err != nil {
		return Event{}, fmt.Errorf("event is not a JSON array: %w", err)
	}
	if len(args) == 0 || args[0][0] != '"' {
		return Event{}, errors.New("event without a name")
	}
	event := Event{Args: args[1:]}
	if err := json.Unmarshal(args[0], &event.Name); err != nil {
		return Event{}, fmt.Errorf("event name: %w", err)
	}
	return event, nil
}
