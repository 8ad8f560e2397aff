package standin

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// refusal is an error as the API answers it.
type refusal struct {
	status              int
	kind, code, message string
	param               string
}

func (r *refusal) Error() string { return r.message }

func invalid(param, format string, values ...any) error {
	return &refusal{status: 400, kind: "invalid_request_error", message: fmt.Sprintf(format, values...), param: param}
}

// unknown is something that is named and that there is not: 404 where the path names it, else 400.
func unknown(what, id, param string) error {
	status := http.StatusBadRequest
	if param == "id" {
		status = http.StatusNotFound
	}
	return &refusal{status: status, kind: "invalid_request_error", code: "resource_missing", message: "No such " + what + ": '" + id + "'", param: param}
}

type answered struct {
	asked  [32]byte
	at     time.Time
	status int
	body   []byte
}

// outage is how the next calls are answered; calls below 0: all.
type outage struct {
	status, calls int
}

// endpointFunc answers a call from its form.
type endpointFunc func(r *http.Request, form form) (object, error)

func (s *Server) routes() {
	for pattern, answer := range map[string]endpointFunc{
		"POST /v1/customers":                          s.createCustomer,
		"GET /v1/customers/{id}":                      s.get("customer"),
		"POST /v1/customers/{id}":                     s.updateCustomer,
		"DELETE /v1/customers/{id}":                   s.deleteCustomer,
		"POST /v1/products":                           s.createProduct,
		"GET /v1/products/{id}":                       s.get("product"),
		"POST /v1/products/{id}":                      s.updateProduct,
		"POST /v1/prices":                             s.createPrice,
		"GET /v1/prices":                              s.listPrices,
		"POST /v1/prices/{id}":                        s.updatePrice,
		"POST /v1/coupons":                            s.createCoupon,
		"GET /v1/coupons/{id}":                        s.get("coupon"),
		"POST /v1/checkout/sessions":                  s.createSession,
		"GET /v1/checkout/sessions/{id}":              s.get("checkout.session"),
		"GET /v1/subscriptions":                       s.listSubscriptions,
		"GET /v1/subscriptions/{id}":                  s.get("subscription"),
		"POST /v1/subscriptions/{id}":                 s.updateSubscription,
		"GET /v1/invoices":                            s.listInvoices,
		"GET /v1/invoices/{id}":                       s.get("invoice"),
		"GET /v1/disputes/{id}":                       s.get("dispute"),
		"GET /v1/radar/early_fraud_warnings/{id}":     s.get("radar.early_fraud_warning"),
		"POST /v1/billing_portal/sessions":            s.createPortal,
		"POST /v1/billing_portal/configurations":      s.createConfiguration,
		"GET /v1/billing_portal/configurations":       s.listConfigurations,
		"POST /v1/billing_portal/configurations/{id}": s.updateConfiguration,
		"POST /v1/webhook_endpoints":                  s.createEndpoint,
		"GET /v1/webhook_endpoints":                   s.listEndpoints,
		"POST /v1/webhook_endpoints/{id}":             s.updateEndpoint,
	} {
		s.mux.HandleFunc(pattern, s.answer(answer))
	}
	s.mux.HandleFunc("/v1/", s.answer(func(r *http.Request, _ form) (object, error) {
		return nil, &refusal{status: 404, kind: "invalid_request_error", message: "Unrecognized request URL (" + r.Method + ": " + r.URL.Path + "), as far as this stand-in goes"}
	}))
}

// answer is one call: what is due happens first, an idempotency key is answered as before.
func (s *Server) answer(with endpointFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.catchUp()
		if s.options.URL == "" { // as whoever calls first says
			s.options.URL = "http://" + r.Host
		}
		s.calls++
		status, body := s.once(r, with)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Request-Id", fmt.Sprintf("req_standin%d", s.calls))
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

func (s *Server) once(r *http.Request, with endpointFunc) (int, []byte) {
	key := r.Header.Get("Idempotency-Key")
	asked := sha256.Sum256([]byte(r.Method + r.URL.Path + "?" + r.Form.Encode()))
	before, is := s.answered[key]
	if is && key != "" && s.now.Sub(before.at) < day {
		if before.asked != asked {
			return rendered(nil, &refusal{status: 400, kind: "idempotency_error", message: "Keys for idempotent requests can only be used with the same parameters they were first used with."})
		}
		return before.status, before.body
	}
	if err := s.admits(r); err != nil {
		return rendered(nil, err)
	}
	found, err := with(r, form(r.Form))
	if err == nil {
		err = s.expand(found, r.Form["expand[]"], r.Form)
	}
	status, body := rendered(found, err)
	if key != "" && (status < 400 || status == 402) {
		s.answered[key] = answered{asked: asked, at: s.now, status: status, body: body}
	}
	return status, body
}

// admits refuses a call that Stripe would refuse whatever it asks.
func (s *Server) admits(r *http.Request) error {
	if s.outage.calls != 0 {
		s.outage.calls--
		kind := "api_error"
		if s.outage.status == http.StatusTooManyRequests {
			kind = "invalid_request_error"
		}
		return &refusal{status: s.outage.status, kind: kind, message: "The stand-in was told to fail."}
	}
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if key == "" || s.options.Key != "" && key != s.options.Key {
		return &refusal{status: 401, kind: "invalid_request_error", message: "Invalid API Key provided: " + key}
	}
	if asked := r.Header.Get("Stripe-Version"); asked != version {
		return invalid("", "The stand-in speaks version %s, and not %q", version, asked)
	}
	return nil
}

func rendered(found object, err error) (int, []byte) {
	status := http.StatusOK
	if err != nil {
		told, is := err.(*refusal)
		if !is {
			told = &refusal{status: 500, kind: "api_error", message: err.Error()}
		}
		status = told.status
		found = object{"error": object{"type": told.kind, "code": text(told.code), "message": told.message, "param": text(told.param)}}
	}
	body, err := json.Marshal(found)
	if err != nil {
		panic(err) // what it renders are maps of its own
	}
	return status, body
}

// get answers with an object by its id.
func (s *Server) get(kind string) endpointFunc {
	return func(r *http.Request, _ form) (object, error) {
		id := r.PathValue("id")
		if found := s.render(id); found != nil && found["object"] == kind {
			return found, nil
		}
		return nil, unknown(strings.ReplaceAll(kind, ".", " "), id, "id")
	}
}

// expand puts objects in the place of their names. A path is "latest_invoice.payment_intent".
func (s *Server) expand(in object, paths []string, form url.Values) error {
	for key, values := range form { // expand[0], as the library sends it
		if strings.HasPrefix(key, "expand[") && key != "expand[]" {
			paths = append(paths, values...)
		}
	}
	slices.Sort(paths)
	for _, path := range paths {
		if err := s.expandPath(in, strings.Split(path, ".")); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) expandPath(in object, path []string) error {
	if path[0] == "data" {
		for _, each := range in["data"].([]object) {
			if err := s.expandPath(each, path[1:]); err != nil {
				return err
			}
		}
		return nil
	}
	value, is := in[path[0]]
	if !is {
		return invalid("", "This property cannot be expanded (%s).", path[0])
	}
	if id, is := value.(string); is {
		in[path[0]] = s.render(id)
	}
	if within, is := in[path[0]].(object); is && len(path) > 1 {
		return s.expandPath(within, path[1:])
	}
	return nil
}

// list is a page of what a list shows.
func (s *Server) list(r *http.Request, form form, all []object) (object, error) {
	limit := 10
	if form.has("limit") {
		limit = int(form.number("limit"))
	}
	if limit < 1 || limit > 100 {
		return nil, invalid("limit", "Invalid integer: %d", limit)
	}
	if after := form.text("starting_after"); after != "" {
		at := slices.IndexFunc(all, func(o object) bool { return o["id"] == after })
		if at < 0 {
			return nil, unknown("object", after, "starting_after")
		}
		all = all[at+1:]
	}
	more := len(all) > limit
	if more {
		all = all[:limit]
	}
	return object{"object": "list", "url": r.URL.Path, "has_more": more, "data": append([]object{}, all...)}, nil
}

// form is what a call sends: metadata[user], items[0][price].
type form url.Values

func (f form) text(key string) string { return url.Values(f).Get(key) }
func (f form) has(key string) bool    { return url.Values(f).Has(key) }
func (f form) is(key string) bool     { return f.text(key) == "true" }
func (f form) number(key string) int64 {
	value, _ := strconv.ParseInt(f.text(key), 10, 64)
	return value
}

// texts are the values of key[0], key[1], … or of key[].
func (f form) texts(key string) []string {
	values := append([]string{}, f[key+"[]"]...)
	for n := 0; f.has(fmt.Sprintf("%s[%d]", key, n)); n++ {
		values = append(values, f.text(fmt.Sprintf("%s[%d]", key, n)))
	}
	return values
}

// pairs are the values of key[name], beside those that are there already; an empty one is taken away.
func (f form) pairs(key string, had map[string]string) map[string]string {
	found := map[string]string{}
	for name, value := range had {
		found[name] = value
	}
	for name, values := range f {
		inner, is := strings.CutPrefix(name, key+"[")
		inner, closed := strings.CutSuffix(inner, "]")
		switch {
		case !is || !closed:
		case values[0] == "":
			delete(found, inner)
		default:
			found[inner] = values[0]
		}
	}
	return found
}
