package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"slicegate/views"
)

var stylesheet = views.AdminStyle()

// stylePath changes with what is in it.
var stylePath = "/admin/style-" + func() string {
	sum := sha256.Sum256(stylesheet)
	return hex.EncodeToString(sum[:6])
}() + ".css"

func (rs *routes) style() {
	rs.handle(Route{Method: http.MethodGet, Pattern: stylePath, Need: NeedAdmin}, func(v *visit) error {
		v.w.Header().Set("Content-Type", "text/css; charset=utf-8")
		v.w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
		_, err := v.w.Write(stylesheet)
		return err
	})
}
