package standin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func money(amount int64, currency string) string {
	return fmt.Sprintf("%d.%02d %s", amount/100, amount%100, strings.ToUpper(currency))
}

// controls are the same for whoever drives the stand-in from another process: POST /stand-in/WHAT with
// its values in the query. A customer is named by its id (customer=cus_…) or address (email=…), and what
// is done is done to their newest session, subscription or invoice.
//
//	GET  /stand-in/state                       {now, calls, events: [{id, type}], customers: [{id, email, subscription, status}]}
//	POST /stand-in/advance?seconds=86400       the clock
//	POST /stand-in/card?email=&card=declined   "" (charged), declined, requires_action
//	POST /stand-in/pay?email=                  at Checkout
//	POST /stand-in/expire?email=               the Checkout page
//	POST /stand-in/pay-invoice?email=          the newest invoice
//	POST /stand-in/cancel?email=&now=true      or to the end of the period
//	POST /stand-in/delete?email=               the customer
//	POST /stand-in/dispute?email=  /warn?email=  /refund?email=   the newest invoice's payment
//	POST /stand-in/decide?dispute=&won=true
//	POST /stand-in/fail?status=503&calls=3     the API; calls=-1: until fail?calls=0
//
// They answer 200 {"id": what was made, or empty}, or 409 with a sentence.
func (s *Server) controls() {
	s.mux.HandleFunc("GET /stand-in/state", s.state)
	s.mux.HandleFunc("POST /stand-in/{what}", func(w http.ResponseWriter, r *http.Request) {
		id, err := s.control(r.PathValue("what"), r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(object{"id": id})
	})
}

func (s *Server) control(what string, r *http.Request) (id string, err error) {
	number := func(name string) int { value, _ := strconv.Atoi(r.FormValue(name)); return value }
	switch what {
	case "advance":
		s.Advance(time.Duration(number("seconds")) * time.Second)
		return "", nil
	case "fail":
		s.Fail(number("status"), number("calls"))
		return "", nil
	case "decide":
		return "", s.Decide(r.FormValue("dispute"), r.FormValue("won") == "true")
	}
	customer := s.whose(r)
	if customer == "" {
		return "", fmt.Errorf("the stand-in has no such customer")
	}
	switch yes := true; what {
	case "card":
		return "", s.SetCard(customer, Card(r.FormValue("card")))
	case "pay":
		return s.Session(customer), s.Pay(s.Session(customer))
	case "expire":
		return s.Session(customer), s.Expire(s.Session(customer))
	case "pay-invoice":
		return s.Invoice(customer), s.PayInvoice(s.Invoice(customer))
	case "cancel":
		return s.Newest(customer), s.Change(s.Newest(customer), Change{Now: r.FormValue("now") == "true", AtPeriodEnd: &yes})
	case "delete":
		return customer, s.Delete(customer)
	case "dispute":
		return s.Dispute(s.Invoice(customer))
	case "warn":
		return s.Warn(s.Invoice(customer))
	case "refund":
		return "", s.Refund(s.Invoice(customer))
	}
	return "", fmt.Errorf("the stand-in cannot %q", what)
}

// whose is the customer that a request names; empty: none.
func (s *Server) whose(r *http.Request) (id string) {
	_ = s.as(func() error {
		for _, found := range newest(s.customers) {
			if id == "" && !found.deleted && (found.id == r.FormValue("customer") || found.email != "" && found.email == r.FormValue("email")) {
				id = found.id
			}
		}
		return nil
	})
	return id
}

func (s *Server) state(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	events, customers := []object{}, []object{}
	for _, event := range s.events {
		events = append(events, object{"id": event.ID, "type": event.Type})
	}
	for _, each := range newest(s.customers) {
		shown := object{"id": each.id, "email": each.email, "deleted": each.deleted, "subscription": "", "status": ""}
		for _, sub := range newest(s.subscriptions) {
			if sub.customer == each.id && shown["subscription"] == "" {
				shown["subscription"], shown["status"] = sub.id, sub.status
			}
		}
		customers = append(customers, shown)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(object{"now": s.now, "calls": s.calls, "events": events, "customers": customers})
}
