package post_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"slicegate/runner/post"
)

// mailServer is a mail server that answers as it is told, and keeps what it takes.
type mailServer struct {
	mu     sync.Mutex
	taken  []string
	rcpts  []string
	tls    []bool // of each session that said who it is from
	mail   error
	rcpt   map[string]error
	data   error
	hangUp bool // instead of an answer to the letter
}

func (s *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &mailSession{server: s, conn: c}, nil
}

type mailSession struct {
	server *mailServer
	conn   *smtp.Conn
}

func (*mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (*mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "postman" || password != "hunter2" {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no such user: " + user + " of ann@example.org"}
		}
		return nil
	}), nil
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	_, encrypted := s.conn.TLSConnectionState()
	s.server.tls = append(s.server.tls, encrypted)
	return s.server.mail
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if err := s.server.rcpt[to]; err != nil {
		return err
	}
	s.server.rcpts = append(s.server.rcpts, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.hangUp {
		_, err := io.Copy(io.Discard, r)
		return errors.Join(err, s.conn.Conn().Close())
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.server.data != nil {
		return s.server.data
	}
	s.server.taken = append(s.server.taken, string(content))
	return nil
}

func (*mailSession) Reset()        {}
func (*mailSession) Logout() error { return nil }

// serveMail starts a mail server, with a certificate that trusted believes; at is host:port.
func serveMail(t *testing.T, server *mailServer, implicit bool) (at string, trusted *tls.Config) {
	t.Helper()
	certificate, trusted := certify(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at = listener.Addr().String()
	serving := smtp.NewServer(server)
	serving.Domain, serving.ErrorLog = "localhost", log.New(io.Discard, "", 0)
	serving.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	if implicit {
		listener = tls.NewListener(listener, serving.TLSConfig)
	}
	ended := make(chan error, 1)
	go func() { ended <- serving.Serve(listener) }()
	t.Cleanup(func() {
		if err := errors.Join(serving.Close(), <-ended); err != nil {
			t.Error(err)
		}
	})
	return at, trusted
}

func certify(t *testing.T) (tls.Certificate, *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
}

func smtpPost(t *testing.T, scheme, user, at string, trusted *tls.Config) *post.SMTP {
	t.Helper()
	sender, err := post.NewSMTP(scheme + "://" + user + at)
	if err != nil {
		t.Fatal(err)
	}
	post.Trust(sender, trusted)
	return sender
}

func TestAMailServerGetsBothParts(t *testing.T) {
	for _, scheme := range []string{"smtp", "smtps"} {
		server := &mailServer{}
		at, trusted := serveMail(t, server, scheme == "smtps")
		sender := smtpPost(t, scheme, "postman:hunter2@", at, trusted)
		for range 2 {
			if id, err := sender.Send(t.Context(), letter()); err != nil || id != "<email-12@example.com>" {
				t.Fatalf("%s: id %q: %v", scheme, id, err)
			}
		}
		if len(server.taken) != 2 || !server.tls[0] || server.rcpts[0] != "ann@example.org" {
			t.Fatalf("%s: %d letters, encrypted %v, for %v", scheme, len(server.taken), server.tls, server.rcpts)
		}
		for _, taken := range server.taken {
			got, err := netmail.ReadMessage(strings.NewReader(taken))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
			if err != nil || subject != letter().Subject {
				t.Errorf("the subject is %q (%v)", subject, err)
			}
			for name, want := range map[string]string{
				"Message-Id": "<email-12@example.com>", "Auto-Submitted": "auto-generated",
				"From": `"Slicegate" <mail@example.com>`, "To": "<ann@example.org>",
			} {
				if header := got.Header.Get(name); header != want {
					t.Errorf("%s is %q, want %q", name, header, want)
				}
			}
			kind, parameters, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
			if err != nil || kind != "multipart/alternative" {
				t.Fatalf("it is %q (%v)", kind, err)
			}
			parts := multipart.NewReader(got.Body, parameters["boundary"])
			for _, want := range []struct{ kind, content string }{{"text/plain", letter().Text}, {"text/html", letter().HTML}} {
				part, err := parts.NextRawPart()
				if err != nil {
					t.Fatal(err)
				}
				content, err := io.ReadAll(quotedprintable.NewReader(part))
				if err != nil || !strings.HasPrefix(part.Header.Get("Content-Type"), want.kind) || strings.ReplaceAll(string(content), "\r\n", "\n") != want.content {
					t.Errorf("a part of %s is %q, want %q (%v)", part.Header.Get("Content-Type"), content, want.content, err)
				}
			}
		}
		if fate, err := sender.Fate(t.Context(), "<email-12@example.com>"); err != nil || fate != post.Unknown {
			t.Errorf("its fate is %q (%v)", fate, err)
		}
	}
}

func TestWhatAMailServerRefuses(t *testing.T) {
	said := func(code int, a, b, c int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{a, b, c}, Message: "ann@example.org: your WhatsApp is disconnected"}
	}
	to := func(err error) map[string]error { return map[string]error{"ann@example.org": err} }
	for name, test := range map[string]struct {
		server         *mailServer
		never, bounced bool
	}{
		"no such mailbox":      {&mailServer{rcpt: to(said(550, 5, 1, 1))}, true, true},
		"a full mailbox":       {&mailServer{rcpt: to(said(552, 5, 2, 2))}, true, true},
		"greylisted":           {&mailServer{rcpt: to(said(450, 4, 7, 1))}, false, false},
		"no relay":             {&mailServer{rcpt: to(said(554, 5, 7, 1))}, false, false},
		"another sender":       {&mailServer{mail: said(553, 5, 7, 1)}, false, false},
		"busy":                 {&mailServer{mail: said(421, 4, 3, 2)}, false, false},
		"spam, it says":        {&mailServer{data: said(554, 5, 7, 1)}, true, false},
		"full":                 {&mailServer{data: said(452, 4, 3, 1)}, false, false},
		"it hangs up":          {&mailServer{hangUp: true}, false, false},
		"one of two addresses": {&mailServer{rcpt: to(said(550, 5, 1, 1))}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			at, trusted := serveMail(t, test.server, false)
			one := letter()
			if name == "one of two addresses" {
				one.To = append([]string{"bea@example.org"}, one.To...)
			}
			_, err := smtpPost(t, "smtp", "postman:hunter2@", at, trusted).Send(t.Context(), one)
			if !test.never {
				temporary(t, err)
			} else if refused(t, err).Bounced != test.bounced {
				t.Errorf("that it is the address's fault is not %v: %v", test.bounced, err)
			}
			if len(test.server.taken) > 0 {
				t.Error("it was taken all the same")
			}
		})
	}
}

func TestAMailServerThatLetsNobodyIn(t *testing.T) {
	at, trusted := serveMail(t, &mailServer{}, false)
	_, err := smtpPost(t, "smtp", "postman:wrong@", at, trusted).Send(t.Context(), letter())
	if !strings.Contains(temporary(t, err).Error(), "535") {
		t.Errorf("a wrong password: %v", err)
	}

	// A certificate that nobody vouches for.
	untrusted, err := post.NewSMTP("smtp://postman:hunter2@" + at)
	if err != nil {
		t.Fatal(err)
	}
	_, err = untrusted.Send(t.Context(), letter())
	temporary(t, err)

	// Without STARTTLS, no password is said.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plain := smtp.NewServer(&mailServer{})
	plain.AllowInsecureAuth, plain.ErrorLog = true, log.New(io.Discard, "", 0)
	ended := make(chan error, 1)
	go func() { ended <- plain.Serve(listener) }()
	_, err = smtpPost(t, "smtp", "postman:hunter2@", listener.Addr().String(), trusted).Send(t.Context(), letter())
	temporary(t, err)
	if err := errors.Join(plain.Close(), <-ended); err != nil {
		t.Error(err)
	}

	_, err = smtpPost(t, "smtp", "", listener.Addr().String(), trusted).Send(t.Context(), letter())
	temporary(t, err)
}

func TestAMailServerOnThisMachineNeedsNoSTARTTLS(t *testing.T) {
	server := &mailServer{}
	at, _ := serveMail(t, server, false)
	sender, err := post.NewSMTP("smtp://" + at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sender.Send(t.Context(), letter()); err != nil || server.tls[0] {
		t.Errorf("encrypted %v: %v", server.tls, err)
	}
}

func TestSTARTTLSIsAskedForAPassword(t *testing.T) {
	for address, want := range map[string]string{
		"smtp://postman:hunter2@mail.example.com": "TLSMandatory",
		"smtp://postman:hunter2@localhost:2525":   "TLSMandatory",
		"smtp://mail.example.com":                 "TLSOpportunistic",
		"smtp://localhost":                        "NoTLS",
		"smtp://[::1]:25":                         "NoTLS",
	} {
		sender, err := post.NewSMTP(address)
		if err != nil {
			t.Fatal(err)
		}
		at, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := post.Policy(sender); got != want {
			t.Errorf("of %s: %s, want %s", at.Redacted(), got, fmt.Sprint(want))
		}
	}
}
