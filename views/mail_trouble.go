package views

// trouble is what a mail says of one cause: what happened, what to do, and what not to do.
type trouble struct {
	now, still string // the heading, when it is told and when it is told again
	text       []string
	caution    string
	act        string // what the button is called
}

// The app says the same on its own page: web/src/connect/problems.ts.
const (
	notAgain    = "Do not link the phone again and again: that makes it worse."
	kept        = "Everything in your inbox is kept."
	linkAgain   = "Link the phone again"
	away        = "Your WhatsApp is disconnected"
	stillAway   = "Your WhatsApp is still disconnected"
	oursToSolve = "We have been told and are on it. You do not have to do anything on your phone; your messages are safe."
)

// troubles are the words for the states and the reasons of the slice contract.
var troubles = map[string]trouble{
	"disconnected": {away, stillAway, []string{
		"The connection to WhatsApp is lost, and has not come back by itself so far. " + kept,
		"See that your phone is switched on and online. If that does not help, link the phone again.",
	}, "", "Reconnect"},
	"starting": {away, stillAway, []string{
		"WhatsApp Web is being started in your workspace, and that takes longer than it should. " + kept,
		"Open the page to see how it stands. If it does not get further, restart it there.",
	}, "", "See how it stands"},
	"authenticated": {away, stillAway, []string{
		"WhatsApp has accepted your workspace, and is not ready yet. " + kept,
		"Leave your phone switched on and online. If the page does not get further, restart there.",
	}, "", "See how it stands"},
	"qr": {away, stillAway, []string{
		"Your workspace is not linked to a phone any more: it shows a code, and nobody has scanned it. " + kept,
		"Open the page, and scan the code with WhatsApp on your phone, under Linked devices.",
	}, "", linkAgain},
	"qr_timeout": {away, stillAway, []string{
		"Your workspace is not linked to a phone any more. It showed codes for a while, and nobody scanned one. " + kept,
		"Open the page, ask for new codes, and scan one with WhatsApp on your phone, under Linked devices.",
	}, "", linkAgain},
	"logged_out": {away, stillAway, []string{
		"The link was removed on the phone, or WhatsApp ended it. " + kept,
		"Link the phone again to go on.",
	}, "", linkAgain},
	"link_lost": {away, stillAway, []string{
		"WhatsApp no longer knows your workspace as one of your devices. " + kept,
		"Link the phone again to go on.",
	}, "", linkAgain},
	"auth_failure": {away, stillAway, []string{
		"WhatsApp did not accept the link that your workspace had to your phone. " + kept,
		"Link the phone again to go on.",
	}, "", linkAgain},
	"data_deleted": {away, stillAway, []string{
		"Your data was deleted, as you asked, and your phone was unlinked with it. Nothing of your messages, contacts and files is stored here any more.",
		"You can link a phone and begin anew.",
	}, "", "Link a phone"},
	"conflict": {away, stillAway, []string{
		"WhatsApp Web is open in another browser, which has taken over. " + kept,
		"Close WhatsApp Web there: your workspace then takes the connection back by itself.",
	}, "", "See how it stands"},
	"page_hung": {away, stillAway, []string{
		"WhatsApp Web got stuck in your workspace. It is restarted by itself, and that has not helped so far. Nothing is lost.",
		"Open the page to see how it stands, and restart it there if it is still stuck.",
	}, "", "See how it stands"},
	"no_answer": {away, stillAway, []string{
		"WhatsApp Web was started in your workspace and does not answer. It is begun anew by itself, and that has not helped so far. Nothing is lost.",
		"See that your phone is switched on and online. Open the page to see how it stands, and restart it there if it is still stuck.",
	}, "", "See how it stands"},
	"browser_crashed": {away, stillAway, []string{
		"WhatsApp Web stopped in your workspace. It is started again by itself, and that has not helped so far. Nothing is lost.",
		"Open the page to see how it stands, and restart it there if it is still stopped.",
	}, "", "See how it stands"},
	"browser_keeps_crashing": {away, stillAway, []string{
		"WhatsApp Web stopped several times in a row in your workspace, so we stopped trying. Your messages are safe.",
		"Open the page and start over. If it happens again, tell us.",
	}, "", "Start over"},
	"failed": {away, stillAway, []string{
		"WhatsApp could not be started in your workspace: something went wrong on our side. Your messages are safe.",
		"Open the page and start over: that mostly helps. If it does not, tell us.",
	}, "", "Start over"},
	"deprecated_version": {"WhatsApp Web has changed, and your workspace is disconnected", "Your WhatsApp is still disconnected: WhatsApp Web has changed", []string{
		"WhatsApp asks for a newer version than your workspace has.",
		oursToSolve,
	}, "", "See how it stands"},
	"passkey": {"WhatsApp asks for a passkey", "WhatsApp still asks for a passkey", []string{
		"Your WhatsApp is disconnected: your account is protected by a passkey, and WhatsApp wants it on the device that is linked. A server has no fingerprint to give. " + kept,
		"On your phone, open WhatsApp, Settings, Account, Passkeys, remove the passkey, and link again; you can add a new one afterwards.",
	}, "Trying again without that leads to the same question.", "Link again"},
	"restricted": {"WhatsApp restricts your number", "WhatsApp still restricts your number", []string{
		"Your WhatsApp is disconnected: WhatsApp has limited what your number may do, and only WhatsApp can lift that. " + kept,
		"Open WhatsApp on your phone to read why and until when. Send nothing until then, and try again afterwards.",
	}, notAgain, "See how it stands"},
	"tos_block": {"WhatsApp has blocked your number", "WhatsApp still blocks your number", []string{
		"Your WhatsApp is disconnected: WhatsApp says that its terms of service were broken. " + kept,
		"Only WhatsApp can lift the block: open WhatsApp on your phone and ask for a review there.",
	}, notAgain, "See how it stands"},
	"smb_tos_block": {"WhatsApp has blocked your business number", "WhatsApp still blocks your business number", []string{
		"Your WhatsApp is disconnected: WhatsApp says that its business terms were broken. " + kept,
		"Only WhatsApp can lift the block: open WhatsApp Business on your phone and ask for a review there.",
	}, notAgain, "See how it stands"},
	"proxy_block": {"WhatsApp refuses our network", "WhatsApp still refuses our network", []string{
		"Your WhatsApp is disconnected: WhatsApp does not accept connections from our server at the moment.",
		oursToSolve,
	}, notAgain, "See how it stands"},
	"temporary_ban": {"WhatsApp has paused your number", "Your number is still paused by WhatsApp", []string{
		"Your WhatsApp is disconnected: your number may not be used for a while, mostly because too much was sent too fast. " + kept,
		"Your phone shows until when. Wait until then, and send less afterwards.",
	}, notAgain, "See how it stands"},
}

// sameTrouble are reasons that people need no words of their own for.
var sameTrouble = map[string]string{
	"connection_lost": "disconnected",
	"ready":           "disconnected", // it says so, and its connection is gone all the same
	"engine_error":    "failed",
	"not_installed":   "failed",
	"no_sandbox":      "failed",
}

// troubleOf gives the words for a cause. One that is not known, as of an image of somebody else's, is
// a WhatsApp that is disconnected.
func troubleOf(cause string) trouble {
	if known, ok := troubles[cause]; ok {
		return known
	}
	if same, ok := sameTrouble[cause]; ok {
		return troubles[same]
	}
	return troubles["disconnected"]
}
