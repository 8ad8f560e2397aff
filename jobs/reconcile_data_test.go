package jobs

import (
	"slices"
	"strings"
	"testing"
	"time"

	"slicegate/store"
)

func TestDataIsHeldAgainstTheRows(t *testing.T) {
	t.Parallel()
	began := time.Now()
	user := int64(7)
	row := func(id int64, server, status string) store.AllSlicesRow {
		return store.AllSlicesRow{ID: id, Server: server, Status: status, StatusAt: began.Add(-time.Hour)}
	}
	failed := row(6, "here", "failed")
	failed.UserID = &user
	fresh := row(8, "here", "available")
	fresh.StatusAt = began.Add(time.Second)
	just := row(9, "here", "destroyed")
	just.StatusAt = began.Add(time.Second)
	rows := []store.AllSlicesRow{
		row(1, "here", "assigned"), row(2, "here", "destroyed"), row(3, "there", "destroyed"), row(4, "here", "provisioning"),
		row(5, "here", "failed"), failed, row(7, "there", "assigned"), fresh, just,
	}
	subjects := func(alerts []Alert) (all []string) {
		for _, alert := range alerts {
			all = append(all, alert.Subject)
		}
		slices.Sort(all)
		return all
	}

	found := compareData("here", rows, []int64{1, 2, 3, 6, 7, 9, 50, FirstCheckID}, []int64{1, 2, 6, 9, 51}, began)
	if !slices.Equal(found.left, []int64{2}) {
		t.Errorf("left of destroyed slices of here: %v, want of 2 alone", found.left)
	}
	if got, want := subjects(found.unknown), []string{"directory:here/51", "schema:slice_50"}; !slices.Equal(got, want) {
		t.Errorf("unknown: %v, want %v", got, want)
	}
	if len(found.missing) != 0 {
		t.Errorf("missing: %v", found.missing)
	}

	found = compareData("here", rows, []int64{6}, nil, began)
	if got, want := subjects(found.missing), []string{"slice:1", "slice:6"}; !slices.Equal(got, want) {
		t.Errorf("missing: %v, want %v", got, want)
	}
	for _, alert := range found.missing {
		if both := strings.Contains(alert.Detail, "schema and directories"); both != (alert.Subject == "slice:1") {
			t.Errorf("%s: %s", alert.Subject, alert.Detail)
		}
	}
	if !found.here["slice:1"] || found.here["slice:7"] {
		t.Error("which alerts are this server's to close")
	}
}
