package views

import (
	"context"
	"fmt"
	"time"
)

// PlaceKept tells who pays first, and found no place, that one is kept for them until then.
func (l Letterhead) PlaceKept(ctx context.Context, until time.Time) (Mail, error) {
	return l.mail(ctx, message{
		subject: "A place is free for you",
		parts: []part{
			title("A place is free for you"),
			paragraph(fmt.Sprintf("Thank you for waiting. There is room for your workspace at %s now, and it is kept for you until %s.", l.Brand, moment(until))),
			paragraph("Your workspace is there as soon as you have subscribed. Later the place may be somebody else's; then you can go on the waiting list again."),
			button{"Subscribe", l.AppURL + "/billing"},
		},
	})
}
