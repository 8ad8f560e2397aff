// Package answer is how functions read requests and answer them: JSON in, JSON out, errors
// with a code. It knows HTTP and nothing of users, slices or Postgres.
package answer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
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
}

func (e *Error) Error() string { return e.Message }

// Errorf makes a refusal.
func Errorf(code Code, format string, args ...any) error {
	return &Error{code, fmt.Sprintf(format, args...)}
}

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
			w.Header().Set("Retry-After", "2")
		}
		JSON(w, int(refusal.Code), problem{refusal.Message})
		return
	}
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the client has gone
	}
	slog.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	JSON(w, http.StatusInternalServerError, problem{"Internal error. It has been recorded; please try again."})
}

type problem struct {
	Error string `json:"error"`
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
