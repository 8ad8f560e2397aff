package views

import (
	"reflect"
	"testing"
)

func TestOnlyAddressesWithHTTPSLead(t *testing.T) {
	link := func(address string) Part { return Part{address, address} }
	for words, want := range map[string][]Part{
		"":                                {},
		"Nothing <b>here</b> &amp; there": {{Text: "Nothing <b>here</b> &amp; there"}},
		"See https://status.example.com/a?b=c#d.":           {{Text: "See "}, link("https://status.example.com/a?b=c#d"), {Text: "."}},
		"(https://one.example), https://two.example":        {{Text: "("}, link("https://one.example"), {Text: "), "}, link("https://two.example")},
		"http://plain.example javascript:alert(1) //x.test": {{Text: "http://plain.example javascript:alert(1) //x.test"}},
		"https://bank.example@evil.example/ is not it":      {{Text: "https://bank.example@evil.example/ is not it"}},
		"https://":                       {{Text: "https://"}},
		"https://a.example\"onclick=x y": {link("https://a.example"), {Text: "\"onclick=x y"}},
		"https://ü.example/ä!":           {link("https://ü.example/ä"), {Text: "!"}},
	} {
		if got := Parts(words); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %v, want %v", words, got, want)
		}
	}
}
