import { Route, Switch } from "wouter";
import { BillingDonePage } from "./billing/BillingDonePage";
import { BillingPage } from "./billing/BillingPage";
import { BillingProvider } from "./billing/BillingProvider";
import { ConnectPage } from "./connect/ConnectPage";
import { LinkPage } from "./connect/LinkPage";
import { ReconnectPage } from "./connect/ReconnectPage";
import { DataPage } from "./data/DataPage";
import { InboxPage } from "./inbox/InboxPage";
import { AppShell } from "./layout/AppShell";
import { ErrorBoundary } from "./layout/ErrorBoundary";
import { NotFoundPage } from "./layout/NotFoundPage";
import { MaintenanceGate } from "./notices/MaintenanceGate";
import { NotificationsPage } from "./notifications/NotificationsPage";
import { ForgotPasswordPage } from "./session/ForgotPasswordPage";
import { LoginPage } from "./session/LoginPage";
import { RegisterPage } from "./session/RegisterPage";
import { RequireSession } from "./session/RequireSession";
import { RequireWorkspace } from "./session/RequireWorkspace";
import { ResetPasswordPage } from "./session/ResetPasswordPage";
import { SessionProvider } from "./session/SessionProvider";
import { VerifyEmailPage } from "./session/VerifyEmailPage";
import { SightBanner } from "./sight/SightBanner";

export function App() {
  return (
    <ErrorBoundary>
      <SessionProvider>
        <SightBanner />
        <MaintenanceGate>
          <BillingProvider>
            <Switch>
              <Route path="/login" component={LoginPage} />
              <Route path="/register" component={RegisterPage} />
              <Route path="/forgot-password" component={ForgotPasswordPage} />
              <Route path="/reset-password" component={ResetPasswordPage} />
              <Route path="/verify-email" component={VerifyEmailPage} />
              <Route path="/notifications">
                <RequireSession>
                  <NotificationsPage />
                </RequireSession>
              </Route>
              <Route path="/billing">
                <RequireSession>
                  <BillingPage />
                </RequireSession>
              </Route>
              {/* Where Stripe leads after Checkout. */}
              <Route path="/billing/done">
                <RequireSession>
                  <BillingDonePage />
                </RequireSession>
              </Route>
              <Route path={/^\/(?:connect(?:\/link)?|reconnect|data|new|chats\/[^/]+)?\/?$/}>
                <RequireWorkspace>
                  <AppShell>
                    <Switch>
                      <Route path="/connect" component={ConnectPage} />
                      <Route path="/connect/link">
                        <LinkPage />
                      </Route>
                      {/* The address in mails about a lost connection. */}
                      <Route path="/reconnect" component={ReconnectPage} />
                      <Route path="/data" component={DataPage} />
                      <Route component={InboxPage} />
                    </Switch>
                  </AppShell>
                </RequireWorkspace>
              </Route>
              <Route component={NotFoundPage} />
            </Switch>
          </BillingProvider>
        </MaintenanceGate>
      </SessionProvider>
    </ErrorBoundary>
  );
}
