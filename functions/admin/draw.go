package admin

import (
	"encoding/base32"
	"fmt"
	"strings"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"slicegate/views"
)

// draw makes the QR code that an authenticator app reads a secret from.
func draw(brand, email, secret string) (views.AdminQR, error) {
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		return views.AdminQR{}, err
	}
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: brand, AccountName: email, Secret: raw, Digits: digits, Algorithm: otp.AlgorithmSHA1,
	})
	if err != nil {
		return views.AdminQR{}, err
	}
	code, err := qr.Encode(key.URL(), qr.M, qr.Auto)
	if err != nil {
		return views.AdminQR{}, fmt.Errorf("draw the second factor: %w", err)
	}
	// One path of all dark squares; readers want four light ones around them.
	const quiet = 4
	var path strings.Builder
	size := code.Bounds().Dx()
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	return views.AdminQR{Size: size + 2*quiet, Path: path.String()}, nil
}
