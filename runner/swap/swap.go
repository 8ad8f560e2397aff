// Package swap gives a server the swap that its idle slices are pushed to: what there is, what is
// wanted, and how the one becomes the other.
package swap
