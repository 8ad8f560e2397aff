package jobs

import "github.com/riverqueue/river"

// SendEmailArgs asks for a mail to be sent that a row of gateway.emails is owed. What it says, and the
// token of a link in it, are made when it is sent: River shows args to operators.
type SendEmailArgs struct {
	Email int64 `json:"email"`
}

// Kind names the job.
func (SendEmailArgs) Kind() string { return "send_email" }

// InsertOpts keeps one unfinished job for each mail.
func (SendEmailArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{UniqueOpts: onceEach} }
