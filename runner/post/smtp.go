package post

import (
	"context"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/netip"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// SMTP sends by a mail server, which takes a letter on: what becomes of it later comes back as a mail to
// the sender, and not to us.
type SMTP struct {
	host    string
	options []mail.Option
}

// smtpWithin is the time to connect and log in, and once more to hand a letter over.
const smtpWithin = 10 * time.Second

// NewSMTP sends by smtp://user:password@host:587 or smtps://user:password@host:465. Its error never
// repeats the address, which has a password in it.
func NewSMTP(address string) (*SMTP, error) {
	server, err := url.Parse(address)
	if err != nil || server.Hostname() == "" || server.Scheme != "smtp" && server.Scheme != "smtps" {
		return nil, errors.New("the address of a mail server is smtp://user:password@host:587 or smtps://user:password@host:465")
	}
	port, options := 587, []mail.Option{mail.WithTimeout(smtpWithin), mail.WithTLSPolicy(policy(server))}
	if server.Scheme == "smtps" {
		port, options = 465, append(options, mail.WithSSL())
	}
	if server.Port() != "" {
		if port, err = strconv.Atoi(server.Port()); err != nil || port < 1 || port > 65535 {
			return nil, errors.New("the mail server's port is none")
		}
	}
	options = append(options, mail.WithPort(port))
	if server.User != nil {
		password, _ := server.User.Password()
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(server.User.Username()), mail.WithPassword(password))
	}
	return &SMTP{host: server.Hostname(), options: options}, nil
}

// policy is whether STARTTLS has to be.
func policy(server *url.URL) mail.TLSPolicy {
	if server.User != nil {
		return mail.TLSMandatory // somebody on the way could take the offer out, and read along
	}
	host := server.Hostname()
	at, err := netip.ParseAddr(host)
	if host == "localhost" || err == nil && at.IsLoopback() {
		return mail.NoTLS // nobody is on the way, and the certificate is mostly the installer's own
	}
	return mail.TLSOpportunistic
}

// Send gives the letter's message id, which is the same at each try: a mail that comes twice is shown once
// by most mailboxes.
func (s *SMTP) Send(ctx context.Context, letter Letter) (string, error) {
	if err := letter.check(); err != nil {
		return "", err
	}
	message, err := letter.message()
	if err != nil {
		return "", err
	}
	client, err := mail.NewClient(s.host, s.options...)
	if err != nil {
		return "", temporary("the settings of the mail server: %w", err)
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return "", temporary("the mail server lets nobody in: %w", wordless(err))
	}
	// Once it has the letter, its answer to a goodbye says nothing about that.
	defer func() { _ = client.CloseWithSMTPClient(session) }()
	err = client.SendWithSMTPClient(session, message)
	if err != nil && !message.IsDelivered() {
		return "", smtpError(err)
	}
	return message.GetMessageID(), nil
}

// Fate is not known: the server that took the letter does not tell.
func (s *SMTP) Fate(context.Context, string) (Fate, error) { return Unknown, nil }

func (l Letter) message() (*mail.Msg, error) {
	from, err := netmail.ParseAddress(l.From)
	if err != nil {
		return nil, temporary("the sender is no address: look at MAIL_FROM")
	}
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	message.FromMailAddress(from)
	if err := message.To(l.To...); err != nil {
		return nil, &RefusedError{Err: errors.New("it goes to what is no address"), Bounced: true}
	}
	message.Subject(l.Subject)
	message.SetMessageIDWithValue(l.Key + from.Address[strings.LastIndex(from.Address, "@"):])
	message.SetDate()
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(mail.TypeTextPlain, l.Text)
	message.AddAlternativeString(mail.TypeTextHTML, l.HTML)
	return message, nil
}

// smtpError is what a server's answer means for the letter.
func smtpError(err error) error {
	var sent *mail.SendError
	if !errors.As(err, &sent) {
		return temporary("the mail server was lost: %w", wordless(err))
	}
	if sent.ErrorCode() == 0 { // its own text names those whom it is for
		return temporary("the mail server was lost while %s", sent.Reason)
	}
	answered := fmt.Errorf("the mail server has answered with %d %s", sent.ErrorCode(), sent.EnhancedStatusCode())
	switch {
	case sent.ErrorCode() < 500:
		return &TemporaryError{Err: answered}
	case sent.Reason == mail.ErrSMTPRcptTo && !strings.HasPrefix(sent.EnhancedStatusCode(), "5.7."):
		return &RefusedError{Err: answered, Bounced: true}
	case sent.Reason == mail.ErrSMTPDataClose || sent.Reason == mail.ErrSMTPData:
		return &RefusedError{Err: answered}
	}
	// It does not let this sender send, or not there: that is not the letter's fault.
	return &TemporaryError{Err: answered}
}

// wordless leaves of an error what the network says, and of a server's answer its number: its words may
// quote a name or an address.
func wordless(err error) error {
	var answered *textproto.Error
	if errors.As(err, &answered) {
		return fmt.Errorf("it has answered with %d", answered.Code)
	}
	var network net.Error
	if errors.As(err, &network) {
		return network
	}
	return err
}
