// Package answer is how functions read requests and answer them: JSON in, JSON out, errors
// with a code. It knows HTTP and nothing of users, slices or Postgres.
package answer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Code is the kind of a refusal; each has one HTTP status.
type Code int

// What a function refuses, and how HTTP says it.
const (
	Invalid         Code = http.StatusBadRequest
	Unauthenticated Code = http.StatusUnauthorized
	Forbidden       Code = http.StatusForbidden
	NotFound        Code = http.StatusNotFound
	Conflict        Code = http.StatusConflict
	Gone            Code = http.StatusGone
	TooLarge        Code = http.StatusRequestEntityTooLarge
	WrongType       Code = http.StatusUnsupportedMediaType
	TooMany         Code = http.StatusTooManyRequests
	Unavailable     Code = http.StatusServiceUnavailable
)

// Error is a refusal with a sentence for whoever sent the request. Any other error is
// answered as 500 "Internal error" and logged whole.
type Error struct {
	Code    Code
	Message string
	Kind    string        // for programs that do something of their own about it; mostly empty
	After   time.Duration // of TooMany and Unavailable: when to try again; zero is two seconds
}

func (e *Error) Error() string { return e.Message }

// Errorf makes a refusal.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Later refuses as TooMany what may be tried again after some time.
func Later(after time.Duration, format string, args ...any) error {
	return &Error{Code: TooMany, Message: fmt.Sprintf(format, args...), After: after}
}

// Minutes says a time in words, rounded up: "1 minute", "12 minutes".
func Minutes(d time.Duration) string {
	if n := roundedUp(d, time.Minute); n > 1 {
		return fmt.Sprintf("%d minutes", n)
	}
	return "1 minute"
}

func roundedUp(d, unit time.Duration) int64 { return int64((d + unit - 1) / unit) }

// JSON answers with a status and a body.
func JSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The status is out: an error here is a client that has gone.
	_ = json.NewEncoder(w).Encode(body)
}

// Problem answers an error as {"error": "…"}.
func Problem(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *Error
	if errors.As(err, &refusal) {
		if refusal.Code == Unavailable || refusal.Code == TooMany {
			w.Header().Set("Retry-After", strconv.FormatInt(max(1, roundedUp(cmp.Or(refusal.After, 2*time.Second), time.Second)), 10))
		}
		JSON(w, int(refusal.Code), problem{refusal.Message, refusal.Kind})
		return
	}
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the client has gone
	}
	slog.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	JSON(w, http.StatusInternalServerError, problem{Error: "Internal error. It has been recorded; please try again."})
}

type problem struct {
	Error string `json:"error"`
	Kind  string `json:"kind,omitempty"`
}

// Body reads the request's JSON object into T: at most limit bytes, no unknown field, nothing after it.
func Body[T any](w http.ResponseWriter, r *http.Request, limit int64) (T, error) {
	var body T
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return body, Errorf(WrongType, "Send JSON: Content-Type must be application/json.")
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&body)
	if err == nil {
		if _, err = decoder.Token(); err == io.EOF {
			return body, nil
		} else if err == nil {
			return body, Errorf(Invalid, "The body must be one JSON object and nothing after it.")
		}
	}
	return body, describe(err)
}

func describe(err error) error {
	var tooLarge *http.MaxBytesError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &tooLarge):
		return Errorf(TooLarge, "The body is too large: %d bytes is the most.", tooLarge.Limit)
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return Errorf(Invalid, "The field %q must be a %s.", wrongType.Field, wrongType.Type)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		// encoding/json has no type for this one.
		return Errorf(Invalid, "Unknown field %s.", strings.TrimPrefix(err.Error(), "json: unknown field "))
	case errors.Is(err, io.EOF):
		return Errorf(Invalid, "The body is empty: send a JSON object.")
	default:
		return Errorf(Invalid, "The body is not valid JSON.")
	}
}
