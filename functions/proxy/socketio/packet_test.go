package socketio

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParsePacket(t *testing.T) {
	for _, c := range []struct {
		message string
		want    packet
	}{
		{`0{"sid":"a"}`, packet{engine: '0', data: []byte(`{"sid":"a"}`)}},
		{`2`, packet{engine: '2', data: []byte{}}},
		{`40`, packet{engine: '4', kind: '0', namespace: "/", data: []byte{}}},
		{`40/admin,{"sid":"b"}`, packet{engine: '4', kind: '0', namespace: "/admin", data: []byte(`{"sid":"b"}`)}},
		{`41/admin`, packet{engine: '4', kind: '1', namespace: "/admin"}},
		{`42["qr",{}]`, packet{engine: '4', kind: '2', namespace: "/", data: []byte(`["qr",{}]`)}},
		{`4217["qr"]`, packet{engine: '4', kind: '2', namespace: "/", ack: "17", data: []byte(`["qr"]`)}},
		{`42/a,9["qr"]`, packet{engine: '4', kind: '2', namespace: "/a", ack: "9", data: []byte(`["qr"]`)}},
		{`452-/a,3["x"]`, packet{engine: '4', kind: '5', attachments: 2, namespace: "/a", ack: "3", data: []byte(`["x"]`)}},
		{`44{"message":"no"}`, packet{engine: '4', kind: '4', namespace: "/", data: []byte(`{"message":"no"}`)}},
	} {
		got, err := parsePacket([]byte(c.message))
		if err != nil {
			t.Errorf("%s: %v", c.message, err)
		} else if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(packet{})); diff != "" {
			t.Errorf("%s: want -, got +\n%s", c.message, diff)
		}
	}
}

func TestParsePacketRefuses(t *testing.T) {
	for _, message := range []string{"", "7", "x", "4", "47", "4x", "45[]", "45-[]", "45x-[]", "4599999-[]", "42[\"\xff\"]"} {
		if p, err := parsePacket([]byte(message)); err == nil {
			t.Errorf("%q was taken as %+v", message, p)
		}
	}
}

func TestParseEvent(t *testing.T) {
	event, err := parseEvent([]byte(`["a\nb", {"n": 9007199254740993.10}, null]`))
	if err != nil {
		t.Fatal(err)
	}
	if event.Name != "a\nb" || len(event.Args) != 2 ||
		string(event.Args[0]) != `{"n": 9007199254740993.10}` || string(event.Args[1]) != "null" {
		t.Errorf("got %q", event)
	}
	for _, data := range []string{"", "{}", "[]", "[1]", "[null]", `[["a"]]`, `["a"`, `["a"] x`, "[\"a\nb\"]"} {
		if event, err := parseEvent([]byte(data)); err == nil {
			t.Errorf("%q was taken as %q", data, event)
		}
	}
}

// Whatever a server sends, parsing ends in an error or in parts that make up the message.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
		"1", "2", "2probe", "3", "5", "6", "40", `40{"sid":"b"}`, "41", `44{"message":"no"}`,
		`42["message",{"text":"été 😀"}]`, `42/admin,12["x"]`, `431[]`, `451-["b",{"_placeholder":true,"num":0}]`, `461-/a,7[{}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		p, err := parsePacket(message)
		if err != nil {
			return
		}
		if !strings.HasSuffix(string(message), string(p.data)) {
			t.Fatalf("%q: data %q is not its end", message, p.data)
		}
		if p.engine != message[0] {
			t.Fatalf("%q: type %q is not its beginning", message, p.engine)
		}
		if p.engine != engineMessage {
			return
		}
		head := string(message[2 : len(message)-len(p.data)])
		if !strings.HasSuffix(head, p.ack) || strings.Trim(p.ack, "0123456789") != "" {
			t.Fatalf("%q: ack %q", message, p.ack)
		}
		if p.namespace != rootNamespace && !strings.Contains(head, p.namespace) {
			t.Fatalf("%q: namespace %q", message, p.namespace)
		}
		if p.kind != packetEvent {
			return
		}
		if event, err := parseEvent(p.data); err == nil && len(event.Args) > len(p.data) {
			t.Fatalf("%q: more arguments than characters", message)
		}
	})
}
