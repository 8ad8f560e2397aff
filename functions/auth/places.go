package auth

import (
	"net/http"

	"slicegate/functions/answer"
	"slicegate/store"
)

// Places tells somebody who is about to register whether they would have to wait.
type Places struct {
	Full    bool  `json:"full"`
	Waiting int64 `json:"waiting"` // how many wait already
}

func (a *Auth) places(w http.ResponseWriter, r *http.Request) error {
	places, err := store.New(a.Pool).Places(r.Context(), a.Clock())
	if err != nil {
		return err
	}
	answer.JSON(w, http.StatusOK, Places{Full: places.Waiting+places.Kept >= places.Places, Waiting: places.Waiting})
	return nil
}
