package config

import (
	"reflect"
	"strings"
)

// Setting is one row of the README's table.
type Setting struct {
	Name, Default, Help string
	Required, Secret    bool
}

// Settings lists what a binary reads, in the order of declaration.
func Settings[T any]() []Setting {
	return settingsOf(reflect.TypeFor[T]())
}

func settingsOf(of reflect.Type) (settings []Setting) {
	for field := range of.Fields() {
		if field.Tag.Get("env") == "" { // settings of their own
			settings = append(settings, settingsOf(field.Type)...)
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("env"), ",")
		settings = append(settings, Setting{
			Name:     name,
			Default:  field.Tag.Get("envDefault"),
			Help:     field.Tag.Get("help"),
			Required: strings.Contains(options, "required"),
			Secret:   field.Tag.Get("secret") == "true",
		})
	}
	return settings
}

func isSecret[T any](name string) bool {
	for _, setting := range Settings[T]() {
		if setting.Name == name {
			return setting.Secret
		}
	}
	return false
}
