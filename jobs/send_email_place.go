package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"slicegate/store"
	"slicegate/views"
)

// placeFree is the mail to who waited: they have a slice, or a place is kept until they pay for it. Not
// owed: it is kept no more.
func (w *SendEmail) placeFree(ctx context.Context, row store.EmailToSendRow) (mail views.Mail, owed bool, err error) {
	var kept struct {
		At *time.Time `json:"at"`
	}
	if err := json.Unmarshal(row.Detail, &kept); err != nil {
		return mail, false, fmt.Errorf("detail of mail %d: %w", row.ID, err)
	}
	switch {
	case kept.At == nil:
		mail, err = w.Letterhead.PlaceFree(ctx, row.AccountStatus == "trial")
	case !kept.At.After(w.Clock()):
		return mail, false, nil
	default:
		mail, err = w.Letterhead.PlaceKept(ctx, *kept.At)
	}
	return mail, true, err
}
