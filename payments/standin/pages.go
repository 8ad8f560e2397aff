package standin

import (
	"embed"
	"html/template"
	"net/http"
	"strings"
)

//go:embed pages.html
var files embed.FS

var templates = template.Must(template.ParseFS(files, "pages.html"))

// pages are what browsers see: a Checkout page, an invoice's and the portal.
func (s *Server) pages() {
	s.mux.HandleFunc("GET /c/pay/{id}", s.checkoutPage)
	s.mux.HandleFunc("POST /c/pay/{id}", s.checkoutDone)
	s.mux.HandleFunc("GET /i/{id}", s.invoicePage)
	s.mux.HandleFunc("POST /i/{id}", s.invoiceDone)
	s.mux.HandleFunc("GET /p/session/{id}", s.portalPage)
	s.mux.HandleFunc("POST /p/session/{id}", s.portalDone)
}

func (s *Server) show(w http.ResponseWriter, page string, values object) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := templates.ExecuteTemplate(w, page, values); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (s *Server) checkoutPage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	found := s.sessions[r.PathValue("id")]
	if found == nil {
		http.NotFound(w, r)
		return
	}
	lines := []object{}
	for _, item := range found.items {
		lines = append(lines, object{
			"Name": s.products[item.price.product].name, "Quantity": item.quantity,
			"Amount": money(item.price.amount*item.quantity, item.price.currency),
		})
	}
	values := object{
		"Open": found.status == "open", "Status": found.status, "Declined": found.declined, "Back": template.URL(found.cancel),
		"Email": s.customers[found.customer].email, "Lines": lines, "PromotionCodes": found.promotionCodes,
	}
	if c := s.coupons[found.coupon]; c != nil {
		values["Discount"] = money(c.amountOff, c.currency)
	}
	s.show(w, "checkout", values)
}

func (s *Server) checkoutDone(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	var success string
	_ = s.as(func() error {
		if found := s.sessions[id]; found != nil {
			success = strings.ReplaceAll(found.success, "{CHECKOUT_SESSION_ID}", id)
			found.declined = r.FormValue("do") == "decline"
		}
		return nil
	})
	if r.FormValue("do") != "pay" || s.Pay(id) != nil {
		http.Redirect(w, r, "/c/pay/"+id, http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, success, http.StatusSeeOther)
}

func (s *Server) invoicePage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	found := s.invoices[r.PathValue("id")]
	if found == nil || found.status == "draft" {
		http.NotFound(w, r)
		return
	}
	s.show(w, "invoice", object{
		"Number": found.number, "Amount": money(found.total, found.currency), "Status": found.status, "Open": found.status == "open",
		"Confirm": s.intents[found.intent].status == "requires_action",
	})
}

func (s *Server) invoiceDone(w http.ResponseWriter, r *http.Request) {
	_ = s.PayInvoice(r.PathValue("id")) // the page shows what came of it
	http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
}

func (s *Server) portalPage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	found := s.portals[r.PathValue("id")]
	if found == nil {
		http.NotFound(w, r)
		return
	}
	owner := s.customers[found.customer]
	invoices, subs := []object{}, []object{}
	for _, each := range newest(s.invoices) {
		if each.customer == owner.id && each.status != "draft" {
			invoices = append(invoices, object{"Number": each.number, "Amount": money(each.total, each.currency), "Status": each.status, "URL": "/i/" + each.id})
		}
	}
	for _, each := range newest(s.subscriptions) {
		if each.customer == owner.id {
			subs = append(subs, object{"ID": each.id, "Status": each.status, "Ending": !each.ends().IsZero(), "Over": each.over(), "Until": each.periodEnd.Format("2 January 2006")})
		}
	}
	s.show(w, "portal", object{"Email": owner.email, "Card": string(owner.card), "Invoices": invoices, "Subscriptions": subs, "Back": template.URL(found.returnURL)})
}

func (s *Server) portalDone(w http.ResponseWriter, r *http.Request) {
	var owner string
	_ = s.as(func() error {
		if found := s.portals[r.PathValue("id")]; found != nil {
			owner = found.customer
		}
		return nil
	})
	var err error
	switch end := r.FormValue("do") == "cancel"; r.FormValue("do") {
	case "card":
		err = s.SetCard(owner, Card(r.FormValue("card")))
	case "cancel", "renew":
		err = s.Change(s.Newest(owner), Change{AtPeriodEnd: &end})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
}
