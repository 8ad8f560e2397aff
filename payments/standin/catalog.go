package standin

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
)

func (s *Server) createProduct(_ *http.Request, form form) (object, error) {
	m := s.make("prod")
	if id := form.text("id"); id != "" {
		if s.products[id] != nil {
			return nil, &refusal{status: 400, kind: "invalid_request_error", code: "resource_already_exists", message: "Product already exists.", param: "id"}
		}
		m.id = id
	}
	if form.text("name") == "" {
		return nil, invalid("name", "Missing required param: name.")
	}
	s.products[m.id] = &product{made: m, name: form.text("name"), unit: form.text("unit_label"), active: true}
	return s.products[m.id].render(), nil
}

func (s *Server) updateProduct(r *http.Request, form form) (object, error) {
	found := s.products[r.PathValue("id")]
	if found == nil {
		return nil, unknown("product", r.PathValue("id"), "id")
	}
	if form.has("active") {
		found.active = form.is("active")
	}
	return found.render(), nil
}

func (s *Server) createPrice(_ *http.Request, form form) (object, error) {
	switch {
	case s.products[form.text("product")] == nil:
		return nil, unknown("product", form.text("product"), "product")
	case form.text("recurring[interval]") != "month":
		return nil, invalid("recurring[interval]", "The stand-in has monthly prices alone.")
	}
	lookup := form.text("lookup_key")
	for _, other := range s.prices {
		if lookup == "" || other.lookup != lookup {
			continue
		}
		if !form.is("transfer_lookup_key") {
			return nil, invalid("lookup_key", "A price (%s) already uses that lookup key.", other.id)
		}
		other.lookup = ""
	}
	made := &price{
		made: s.make("price"), product: form.text("product"), currency: form.text("currency"), lookup: lookup,
		amount: form.number("unit_amount"), active: true,
	}
	s.prices[made.id] = made
	return made.render(), nil
}

func (s *Server) listPrices(r *http.Request, form form) (object, error) {
	if of := form.text("product"); of != "" && s.products[of] == nil {
		return nil, unknown("product", of, "product")
	}
	keys := form.texts("lookup_keys")
	all := []object{}
	for _, price := range newest(s.prices) {
		if (len(keys) == 0 || slices.Contains(keys, price.lookup)) &&
			(!form.has("product") || form.text("product") == price.product) &&
			(!form.has("active") || form.is("active") == price.active) {
			all = append(all, price.render())
		}
	}
	return s.list(r, form, all)
}

func (s *Server) updatePrice(r *http.Request, form form) (object, error) {
	found := s.prices[r.PathValue("id")]
	if found == nil {
		return nil, unknown("price", r.PathValue("id"), "id")
	}
	if form.has("active") {
		found.active = form.is("active")
	}
	return found.render(), nil
}

func (s *Server) createCoupon(_ *http.Request, form form) (object, error) {
	m := s.make("coupon")
	if id := form.text("id"); id != "" {
		m.id = id
	}
	if s.coupons[m.id] != nil {
		return nil, &refusal{status: 400, kind: "invalid_request_error", code: "resource_already_exists", message: "Coupon already exists.", param: "id"}
	}
	s.coupons[m.id] = &coupon{
		made: m, name: form.text("name"), currency: form.text("currency"), duration: form.text("duration"),
		amountOff: form.number("amount_off"), percentOff: float64(form.number("percent_off")),
		months: int(form.number("duration_in_months")), products: form.texts("applies_to[products]"),
	}
	return s.coupons[m.id].render(), nil
}

func (s *Server) createPortal(_ *http.Request, form form) (object, error) {
	owner, err := s.customer(form.text("customer"))
	if err != nil {
		return nil, err
	}
	wanted := form.text("configuration")
	if wanted != "" && s.configs[wanted] == nil {
		return nil, unknown("configuration", wanted, "configuration")
	}
	made := &portal{made: s.make("bps"), customer: owner.id, returnURL: form.text("return_url"), configuration: wanted}
	s.portals[made.id] = made
	return with(made.base("billing_portal.session"), object{
		"customer": made.customer, "return_url": made.returnURL, "configuration": text(wanted), "url": s.options.URL + "/p/session/" + made.id,
	}), nil
}

func (s *Server) createConfiguration(_ *http.Request, form form) (object, error) {
	made := &configuration{made: s.make("bpc"), active: true}
	s.configs[made.id] = made
	made.update(form)
	return made.render(), nil
}

func (s *Server) updateConfiguration(r *http.Request, form form) (object, error) {
	found := s.configs[r.PathValue("id")]
	if found == nil {
		return nil, unknown("configuration", r.PathValue("id"), "id")
	}
	found.update(form)
	return found.render(), nil
}

func (c *configuration) update(form form) {
	c.metadata = form.pairs("metadata", c.metadata)
	c.headline, c.back = form.text("business_profile[headline]"), form.text("default_return_url")
	if form.has("active") {
		c.active = form.is("active")
	}
}

func (s *Server) listConfigurations(r *http.Request, form form) (object, error) {
	all := []object{}
	for _, found := range newest(s.configs) {
		if !form.has("active") || form.is("active") == found.active {
			all = append(all, found.render())
		}
	}
	return s.list(r, form, all)
}

func (s *Server) createEndpoint(_ *http.Request, form form) (object, error) {
	address, events := form.text("url"), form.texts("enabled_events")
	if !strings.HasPrefix(address, "http") || len(events) == 0 {
		return nil, invalid("url", "Invalid URL, or no events.")
	}
	made := &endpoint{
		made: s.make("we"), url: address, events: events, version: form.text("api_version"), status: "enabled",
		secret: "whsec_" + rand.Text(),
	}
	s.endpoints[made.id] = made
	return with(made.render(), object{"secret": made.secret}), nil // never again
}

func (s *Server) updateEndpoint(r *http.Request, form form) (object, error) {
	found := s.endpoints[r.PathValue("id")]
	if found == nil {
		return nil, unknown("webhook endpoint", r.PathValue("id"), "id")
	}
	if events := form.texts("enabled_events"); len(events) > 0 {
		found.events = events
	}
	if form.has("disabled") {
		found.status = map[bool]string{true: "disabled", false: "enabled"}[form.is("disabled")]
	}
	return found.render(), nil
}

func (s *Server) listEndpoints(r *http.Request, form form) (object, error) {
	all := []object{}
	for _, found := range newest(s.endpoints) {
		all = append(all, found.render())
	}
	return s.list(r, form, all)
}
