package views

import (
	"os"
	"regexp"
	"strings"

	"github.com/a-h/templ"
)

// Mail clients drop stylesheets and know no variables: what is light stands in each element, with the
// values of the tokens; the stylesheet turns it dark where it is kept.

// lightColours and darkColours are those of tokens.css, by their names.
var lightColours, darkColours = tokenColours()

var tokenColour = regexp.MustCompile(`--([a-z0-9-]+): (#[0-9a-f]{6});`)

func tokenColours() (light, dark map[string]string) {
	text, err := assets.ReadFile("assets/tokens.css")
	if err != nil {
		return nil, nil // embedded: a test would miss the colours
	}
	bright, night, _ := strings.Cut(string(text), "@media (prefers-color-scheme: dark)")
	read := func(css string) map[string]string {
		colours := map[string]string{}
		for _, found := range tokenColour.FindAllStringSubmatch(css, -1) {
			colours[found[1]] = found[2]
		}
		return colours
	}
	return read(bright), read(night)
}

// css gives a style in which ${name} is the light value of a token.
func css(text string) templ.SafeCSS { return templ.SafeCSS(coloured(text, lightColours)) }

func coloured(text string, colours map[string]string) string {
	return os.Expand(text, func(name string) string { return colours[name] })
}

// mailFont is the tokens' font; without quotes, which templ would escape twice in a style.
const mailFont = "font-family:system-ui,-apple-system,Segoe UI,Roboto,Noto Sans,Arial,sans-serif;"

var (
	groundStyle  = css("margin:0;padding:0;background:${ground};-webkit-text-size-adjust:100%;")
	previewStyle = css("display:none;max-height:0;overflow:hidden;mso-hide:all;")
	brandStyle   = css(mailFont + "padding:0 4px 16px;font-size:16px;line-height:24px;font-weight:bold;color:${ink};overflow-wrap:anywhere;")
	cardStyle    = css(mailFont + "padding:28px 24px 12px;background:${surface};border:1px solid ${line};border-radius:10px;color:${ink};")
	titleStyle   = css("margin:0 0 16px;font-size:24px;line-height:30px;font-weight:bold;color:${ink};overflow-wrap:anywhere;")
	headingStyle = css("margin:28px 0 12px;font-size:18px;line-height:26px;font-weight:bold;color:${ink};overflow-wrap:anywhere;")
	textStyle    = css("margin:0 0 16px;font-size:16px;line-height:24px;color:${ink};overflow-wrap:anywhere;")
	cautionStyle = css("margin:0 0 16px;padding:12px 16px;border-radius:8px;font-size:16px;line-height:24px;background:${warn-soft};color:${warn};overflow-wrap:anywhere;")
	buttonStyle  = css("margin:24px 0 12px;border-collapse:separate;")
	padStyle     = css("border-radius:8px;background:${accent};")
	pressStyle   = css(mailFont + "display:inline-block;padding:13px 24px;border-radius:8px;font-size:16px;line-height:22px;font-weight:bold;text-decoration:none;background:${accent};color:${accent-ink};")
	smallStyle   = css("margin:0 0 16px;font-size:13px;line-height:20px;color:${ink-2};overflow-wrap:anywhere;")
	linkStyle    = css("color:${accent};overflow-wrap:anywhere;")
	footerStyle  = css(mailFont + "padding:20px 4px 8px;")
	listStyle    = css("margin:0 0 16px;width:100%;table-layout:fixed;border-collapse:collapse;")
	headStyle    = css("padding:8px 8px 8px 0;border-bottom:1px solid ${line};text-align:left;font-size:13px;line-height:20px;font-weight:bold;color:${ink-2};")
	cellStyle    = css("padding:12px 8px 12px 0;border-bottom:1px solid ${line};text-align:left;vertical-align:top;font-size:14px;line-height:20px;font-weight:normal;color:${ink};overflow-wrap:anywhere;")
	whereStyle   = css("font-size:13px;line-height:20px;color:${ink-2};")
	gradeStyle   = map[string]templ.SafeCSS{
		"Critical": css("font-weight:bold;color:${bad};"),
		"Warning":  css("font-weight:bold;color:${warn};"),
	}
)

// mailStyles overrule what stands in the elements, where it is dark.
var mailStyles = "<style>:root{color-scheme:light dark;supported-color-schemes:light dark}@media (prefers-color-scheme:dark){" + coloured(
	".ground{background:${ground}!important}"+
		".card{background:${surface}!important;border-color:${line}!important}"+
		".ink{color:${ink}!important}"+
		".quiet{color:${ink-2}!important}"+
		".caution{background:${warn-soft}!important;color:${warn}!important}"+
		".pad{background:${accent}!important;color:${accent-ink}!important}"+
		".link{color:${accent}!important}"+
		".cell{border-color:${line}!important}"+
		".critical{color:${bad}!important}"+
		".warning{color:${warn}!important}", darkColours) + "}</style>"
