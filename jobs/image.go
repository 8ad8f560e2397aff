package jobs

import (
	"strings"

	"github.com/distribution/reference"
)

// pinnedPrefix begins the tags that name one image for good.
const pinnedPrefix = "rollout-"

// longestImage is more than any registry allows.
const longestImage = 400

// IsImage tells whether a word can be the name, or the id, of an image.
func IsImage(word string) bool {
	_, err := reference.ParseAnyReference(word)
	return err == nil && len(word) <= longestImage
}

// PinnedName is a tag of ours for the image that `image` names now: "whatsapp-slice:latest" may
// be another one tomorrow, "whatsapp-slice:rollout-0123456789ab" is not, and keeps what it
// names from being pruned. id is the engine's, "sha256:0123...".
func PinnedName(image, id string) string {
	repository := "whatsapp-slice"
	if named, err := reference.ParseNormalizedNamed(image); err == nil && !strings.HasPrefix(image, "sha256:") {
		repository = reference.FamiliarName(named)
	}
	digits := strings.TrimPrefix(id, "sha256:")
	return repository + ":" + pinnedPrefix + digits[:min(12, len(digits))]
}

// isPinned is true of a name that PinnedName gave.
func isPinned(image string) bool {
	named, err := reference.ParseNormalizedNamed(image)
	tagged, ok := named.(reference.Tagged)
	return err == nil && ok && strings.HasPrefix(tagged.Tag(), pinnedPrefix)
}
