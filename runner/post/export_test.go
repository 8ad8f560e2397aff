package post

import (
	"crypto/tls"
	"net/http"
	"time"

	"github.com/resend/resend-go/v3"
	"github.com/wneessen/go-mail"
)

// ResendWithin has a test wait shorter for an answer.
func ResendWithin(r *Resend, within time.Duration) {
	base := r.client.BaseURL
	r.client = resend.NewCustomClient(&http.Client{Timeout: within, Transport: answering{http.DefaultTransport}}, r.client.ApiKey)
	r.client.BaseURL = base
}

// Trust has a test's certificate believed.
func Trust(s *SMTP, certificates *tls.Config) {
	s.options = append(s.options, mail.WithTLSConfig(certificates))
}

// Policy is whether STARTTLS has to be.
func Policy(s *SMTP) string {
	client, err := mail.NewClient(s.host, s.options...)
	if err != nil {
		return err.Error()
	}
	return client.TLSPolicy()
}
