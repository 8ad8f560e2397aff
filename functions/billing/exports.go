package billing

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/julienschmidt/httprouter"
	"github.com/riverqueue/river"

	"slicegate/functions/answer"
	"slicegate/functions/session"
	"slicegate/jobs"
	"slicegate/store"
)

// Exports are the copies of their data that users ask for, and take with them.
type Exports struct {
	Pool    *pgxpool.Pool
	Jobs    *river.Client[pgx.Tx]                        // inserts only
	Visitor func(*http.Request) (session.Visitor, error) // who sent a request; an error refuses
	Server  string                                       // whose files nginx has
	Clock   func() time.Time
}

// Routes are its addresses.
func (e *Exports) Routes() []session.Route {
	return []session.Route{
		{Method: http.MethodGet, Pattern: "/billing/exports", Reach: session.Look, Do: e.forVisitor(e.list)},
		{Method: http.MethodPost, Pattern: "/billing/exports", Reach: session.Copy, Do: e.forVisitor(e.create)},
		{Method: http.MethodGet, Pattern: "/billing/exports/:export/file", Reach: session.Copy, Do: e.forVisitor(e.file)},
	}
}

func (e *Exports) forVisitor(do func(http.ResponseWriter, *http.Request, session.Visitor) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		visitor, err := e.Visitor(r)
		if err != nil {
			return err
		}
		return do(w, r, visitor)
	}
}

// ExportShown is one of a user's exports, as the app shows it.
type ExportShown struct {
	ID        int64      `json:"id"`
	Status    string     `json:"status"`   // "waiting", "running", "ready", "failed", "deleted"
	Bytes     int64      `json:"bytes"`    // written so far
	Expected  int64      `json:"expected"` // about so many when it is whole; 0: not known
	Error     *string    `json:"error"`
	CreatedAt time.Time  `json:"createdAt"`
	ReadyAt   *time.Time `json:"readyAt"`
	ExpiresAt *time.Time `json:"expiresAt"`
}

// shown is a row as it is now: one that is over is deleted, though its file may be there for minutes.
func (e *Exports) shown(row store.Export) ExportShown {
	status := row.Status
	if isOver(row, e.Clock()) {
		status = "deleted"
	}
	return ExportShown{row.ID, status, row.Bytes, row.Expected, row.Error, row.CreatedAt, row.ReadyAt, row.ExpiresAt}
}

func isOver(row store.Export, now time.Time) bool {
	return row.Status == "deleted" || row.ExpiresAt != nil && !row.ExpiresAt.After(now)
}

func (e *Exports) list(w http.ResponseWriter, r *http.Request, visitor session.Visitor) error {
	rows, err := store.New(e.Pool).ExportsOf(r.Context(), visitor.UserID)
	if err != nil {
		return err
	}
	list := struct {
		Exports []ExportShown `json:"exports"`
	}{[]ExportShown{}}
	for _, row := range rows {
		list.Exports = append(list.Exports, e.shown(row))
	}
	answer.JSON(w, http.StatusOK, list)
	return nil
}

func (e *Exports) create(w http.ResponseWriter, r *http.Request, visitor session.Visitor) error {
	row, err := e.Create(r.Context(), visitor)
	if err != nil {
		return err
	}
	answer.JSON(w, http.StatusCreated, e.shown(row))
	return nil
}

var errUnderWay = answer.Errorf(answer.Conflict, "A copy of your data is being made already. Wait until it is ready.")

// Create orders an export of a user's slice, in the row and as a job.
func (e *Exports) Create(ctx context.Context, visitor session.Visitor) (row store.Export, err error) {
	err = pgx.BeginFunc(ctx, e.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		row, err = queries.CreateExport(ctx, store.CreateExportParams{UserID: visitor.UserID, Now: e.Clock()})
		switch {
		case store.IsNone(err):
			return whyNoExport(ctx, queries, visitor.UserID)
		case err != nil:
			return err
		}
		if _, err := e.Jobs.InsertTx(ctx, tx, jobs.ExportArgs{Server: row.Server, Export: row.ID}, nil); err != nil {
			return err
		}
		return queries.RecordUserBy(ctx, visitor.Actor(), "export", visitor.UserID, map[string]any{"export": row.ID})
	})
	if store.IsDuplicate(err) {
		return row, errUnderWay
	}
	return row, err
}

func whyNoExport(ctx context.Context, queries *store.Queries, user int64) error {
	_, err := queries.SliceByUser(ctx, user)
	switch {
	case store.IsNone(err):
		return answer.Errorf(answer.Conflict, "You have no workspace, so there is no data to copy.")
	case err != nil:
		return err
	}
	return answer.Errorf(answer.Conflict, "Your workspace is being deleted: no copy of it can be made any more.")
}

// errNoExport is also what is said of another user's: nobody learns which there are.
var errNoExport = answer.Errorf(answer.NotFound, "There is no such copy of your data.")

// file has nginx send the file, also in parts.
func (e *Exports) file(w http.ResponseWriter, r *http.Request, visitor session.Visitor) error {
	id, err := strconv.ParseInt(httprouter.ParamsFromContext(r.Context()).ByName("export"), 10, 64)
	if err != nil {
		return errNoExport
	}
	row, err := store.New(e.Pool).ExportOf(r.Context(), store.ExportOfParams{ID: id, UserID: visitor.UserID})
	switch {
	case store.IsNone(err):
		return errNoExport
	case err != nil:
		return err
	case isOver(row, e.Clock()):
		return answer.Errorf(answer.Gone, "This copy has been deleted: copies are kept for seven days. Ask for a new one.")
	case row.Status == "failed":
		return answer.Errorf(answer.Conflict, "This copy could not be made. Ask for a new one.")
	case row.Status != "ready":
		return answer.Errorf(answer.Conflict, "This copy is not ready yet. Wait until it is.")
	case row.Server != e.Server:
		return answer.Errorf(answer.Conflict, "This copy lies on another server, which cannot be reached from here. Write to us.")
	}
	header := w.Header()
	header.Set("X-Accel-Redirect", fmt.Sprintf("/exported/%d.zip", row.ID))
	header.Set("Content-Type", "application/zip")
	header.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="whatsapp-export-%s.zip"`, row.CreatedAt.UTC().Format(time.DateOnly)))
	header.Set("Cache-Control", "private, no-store")
	w.WriteHeader(http.StatusOK)
	return nil
}
