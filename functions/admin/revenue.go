package admin

import (
	"errors"
	"fmt"
	"strings"

	"github.com/a-h/templ"

	"slicegate/config"
	"slicegate/functions/admin/revenue"
	"slicegate/payments"
	"slicegate/store"
	"slicegate/views"
)

// monthsShown are so many, the present one among them.
const monthsShown = 12

// revenue registers what comes in.
func (rs *routes) revenue() {
	rs.link("/admin/revenue", "Revenue")
	rs.page("/admin/revenue", "Revenue", rs.revenuePage)
}

func (rs *routes) revenuePage(v *visit) (templ.Component, error) {
	ctx := v.Context()
	page := views.AdminMoney{Stripe: rs.Billing.On(), Now: v.now}
	var err error
	if page.States, err = v.queries.CountUserStates(ctx); err != nil {
		return nil, err
	}
	accounts, err := payingAccounts(v)
	if err != nil {
		return nil, err
	}
	sum, refused := revenue.Now(accounts, rs.Billing.CurrencyCode)
	var several revenue.CurrenciesError
	if refused != nil && !errors.As(refused, &several) {
		return nil, refused
	}
	lines, err := moneyLines(v)
	if err != nil {
		return nil, err
	}
	months := revenue.Months(lines, monthsShown, rs.Billing.CurrencyCode, v.now)
	rs.tellSum(&page, sum, refused, months)
	rs.tellMonths(&page, months)
	if err := rs.tellEconomics(v, &page, sum, refused); err != nil {
		return nil, err
	}
	if page.Mismatches, err = v.queries.OpenMoneyAlerts(ctx); err != nil {
		return nil, err
	}
	compared, err := v.queries.LastComparison(ctx)
	switch {
	case err == nil:
		page.Compared = &compared
	case !store.IsNone(err):
		return nil, err
	}
	return views.AdminRevenue(page), nil
}

func payingAccounts(v *visit) (accounts []revenue.Account, err error) {
	rows, err := v.queries.PayingUsers(v.Context())
	for _, row := range rows {
		one := revenue.Account{PastDue: row.SubscriptionStatus == "past_due", Monthly: row.MonthlyPrice, Ends: row.EndsAt != nil, Held: row.HeldAt != nil, WithSlice: row.HasSlice}
		if row.MonthlyStorage != nil && row.MonthlyDiscount != nil && row.Currency != nil {
			one.Storage, one.Discount, one.Currency = *row.MonthlyStorage, *row.MonthlyDiscount, *row.Currency
		}
		accounts = append(accounts, one)
	}
	return accounts, err
}

func moneyLines(v *visit) (lines []revenue.Line, err error) {
	rows, err := v.queries.MoneyLines(v.Context())
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		line, err := revenue.Read(row.At, row.Action, row.Subject, row.Detail)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func (rs *routes) money(units int64) string { return inMoney(units, rs.Billing.CurrencyCode) }

// tellSum says what comes in now. Without one currency there are counts alone.
func (rs *routes) tellSum(page *views.AdminMoney, sum revenue.Sum, refused error, months []revenue.Month) {
	money := rs.money
	if refused != nil {
		page.Refused = refused.Error()
		money = func(int64) string { return "no sum" }
	}
	of := func(part revenue.Part) string { return fmt.Sprintf("%d, %s", part.Accounts, money(part.Monthly)) }
	present := months[len(months)-1]
	churn := "nobody was there at its start"
	if rate, some := revenue.Rate(present.Lost, present.AtStart); some {
		churn = inPercent(rate)
	}
	page.Figures = []views.AdminMoneyFigure{
		{Name: "Comes in a month (MRR)", Value: money(sum.Paying.Monthly), Note: "storage included, discounts taken off; before Stripe's fees and taxes"},
		{Name: "Paying accounts", Value: fmt.Sprint(sum.Paying.Accounts), Note: fmt.Sprintf("%d of them with a slice", sum.WithSlice)},
		{Name: "On trial", Value: fmt.Sprint(page.States.Trial), Note: "bring nothing yet"},
		{Name: "Churn this month", Value: churn, Note: fmt.Sprintf("%d of %d who were there at its start", present.Lost, present.AtStart)},
	}
	page.Parts = []views.AdminMoneyFigure{
		{Name: "Of it, storage", Value: money(sum.Storage), Note: "before discounts"},
		{Name: "Discounts", Value: money(sum.Discount), Note: "taken off already"},
		{Name: "Cancelled, and run out", Value: of(sum.Ending), Note: "among those who pay"},
		{Name: "Disputed", Value: of(sum.Held), Note: "among those who pay; stopped meanwhile"},
		{Name: "Payment failed", Value: of(sum.PastDue), Note: "past due, beside those who pay"},
	}
	if sum.Unread > 0 {
		page.Unread = fmt.Sprintf("What %d of these accounts cost is not noted yet: they count as nothing until Stripe is asked, within a day.", sum.Unread)
	}
	if sum.Paying.Accounts != present.Active {
		page.Unrecorded = fmt.Sprintf("The audit knows of %d paying accounts, the rows of %d: what became of the others was not written down, and is not in the months below.", present.Active, sum.Paying.Accounts)
	}
}

// inPercent writes thousandths: 63 are "6.3 %".
func inPercent(permille int) string { return fmt.Sprintf("%d.%d %%", permille/10, permille%10) }

func (rs *routes) tellMonths(page *views.AdminMoney, months []revenue.Month) {
	most, mostMoney := 1, int64(1)
	for _, month := range months {
		most, mostMoney = max(most, month.Active), max(mostMoney, month.Monthly)
	}
	const none = "–"
	for _, month := range months {
		row := views.AdminMonth{
			Name: month.First.Format("2006-01"), AtStart: none, New: none, Left: none, Churn: none, Active: none, PastDue: none, Monthly: none, Trials: none,
		}
		if month.Recorded {
			row.AtStart, row.New, row.Left, row.Active, row.PastDue = fmt.Sprint(month.AtStart), fmt.Sprint(month.New), fmt.Sprint(month.Left), fmt.Sprint(month.Active), fmt.Sprint(month.PastDue)
			row.ActiveBar = 100 * month.Active / most
			if rate, some := revenue.Rate(month.Lost, month.AtStart); some {
				row.Churn = inPercent(rate)
			}
			if rate, some := revenue.Rate(month.Converted, month.Converted+month.Ended); some {
				row.Trials = fmt.Sprintf("%d of %d, %s", month.Converted, month.Converted+month.Ended, inPercent(rate))
			}
		}
		if month.Known {
			row.Monthly, row.MonthlyBar = rs.money(month.Monthly), int(100*month.Monthly/mostMoney)
		}
		page.Months = append(page.Months, row)
	}
}

// plan is what is configured, in units of the currency.
func (rs *routes) plan() (plan revenue.Plan, err error) {
	in := func(price string) int64 {
		units, failed := payments.Units(price, rs.Billing.CurrencyCode)
		err = errors.Join(err, failed)
		return units
	}
	plan = revenue.Plan{Server: in(rs.Economics.ServerCost), Price: in(rs.Billing.Price), From: rs.Economics.TargetSlices.From, To: rs.Economics.TargetSlices.To}
	if launch := rs.Billing.LaunchPrice; launch != config.Off && launch != "" {
		plan.Launch = in(launch)
	}
	return plan, err
}

// tellEconomics holds what is configured against what is.
func (rs *routes) tellEconomics(v *visit, page *views.AdminMoney, sum revenue.Sum, refused error) error {
	plan, err := rs.plan()
	if err != nil {
		page.Problem = "SERVER_COST, PRICE and LAUNCH_PRICE must be amounts in " + strings.ToUpper(rs.Billing.CurrencyCode) + ": " + err.Error() + "."
		return nil
	}
	servers, err := v.queries.CountServers(v.Context())
	if err != nil {
		return err
	}
	slices, err := v.queries.UsersWithSlices(v.Context())
	if err != nil {
		return err
	}
	cost := plan.Server * servers
	both := func(say func(price int64) string) string {
		if plan.Launch == 0 {
			return say(plan.Price)
		}
		return say(plan.Price) + "; at the launch price " + say(plan.Launch)
	}
	each := func(slices int64) string {
		if one, some := revenue.PerSlice(cost, slices); some {
			return rs.money(one)
		}
		return "–"
	}
	comesIn, margin, evenNow := "no sum", "no sum", ""
	if refused == nil {
		comesIn, margin = rs.money(sum.Paying.Monthly), rs.money(sum.Paying.Monthly-cost)
		evenNow = "what comes in pays for the servers"
		if sum.Paying.Monthly < cost {
			evenNow = "what comes in does not pay for the servers yet"
		}
	}
	wholeFrom, wholeTo := int64(plan.From)*servers, int64(plan.To)*servers
	low, _ := revenue.PerSlice(plan.Server, int64(plan.To))
	high, _ := revenue.PerSlice(plan.Server, int64(plan.From))
	page.Economics = []views.AdminEconomic{
		{Name: "Cost of a server, a month", Plan: rs.money(plan.Server), Actual: fmt.Sprintf("%s for %d servers", rs.money(cost), servers)},
		{Name: "Slices that pay for a server", Plan: both(func(price int64) string { return fmt.Sprint(plan.BreakEven(price)) }), Actual: fmt.Sprintf("%d that are paid; %s", sum.WithSlice, evenNow)},
		{Name: "Slices of a server", Plan: fmt.Sprintf("%d to %d", plan.From, plan.To), Actual: fmt.Sprintf("%d that are paid, %d in all; aimed at for %d servers: %d to %d", sum.WithSlice, slices, servers, wholeFrom, wholeTo)},
		{Name: fmt.Sprintf("Revenue of %d slices", plan.From), Plan: both(func(price int64) string { return rs.money(price * int64(plan.From)) }), Actual: comesIn + " from all"},
		{Name: "Margin, a month", Plan: both(func(price int64) string { return rs.money(price*int64(plan.From) - plan.Server) }), Actual: margin},
		{Name: "Cost of a slice", Plan: rs.money(low) + " to " + rs.money(high), Actual: each(int64(sum.WithSlice)) + " for each that is paid, " + each(slices) + " for each in all"},
	}
	if servers == 1 {
		for i := range page.Economics {
			page.Economics[i].Actual = strings.ReplaceAll(page.Economics[i].Actual, "1 servers", "1 server")
		}
	}
	return nil
}
