import { Redirect, Route, Switch } from "wouter";
import { ConnectPage } from "./connect/ConnectPage";
import { LinkPage } from "./connect/LinkPage";
import { DataPage } from "./data/DataPage";
import { InboxPage } from "./inbox/InboxPage";
import { AppShell } from "./layout/AppShell";
import { ErrorBoundary } from "./layout/ErrorBoundary";
import { NotFoundPage } from "./layout/NotFoundPage";
import { LoginPage } from "./session/LoginPage";
import { RegisterPage } from "./session/RegisterPage";
import { RequireSession } from "./session/RequireSession";
import { SessionProvider } from "./session/SessionProvider";

export function App() {
  return (
    <ErrorBoundary>
      <SessionProvider>
        <Switch>
          <Route path="/login" component={LoginPage} />
          <Route path="/register" component={RegisterPage} />
          {/* The address in mails about a lost connection. */}
          <Route path="/reconnect">
            <Redirect to="/connect/link" replace />
          </Route>
          <Route path={/^\/(?:connect(?:\/link)?|data|new|chats\/[^/]+)?\/?$/}>
            <RequireSession>
              <AppShell>
                <Switch>
                  <Route path="/connect" component={ConnectPage} />
                  <Route path="/connect/link" component={LinkPage} />
                  <Route path="/data" component={DataPage} />
                  <Route component={InboxPage} />
                </Switch>
              </AppShell>
            </RequireSession>
          </Route>
          <Route component={NotFoundPage} />
        </Switch>
      </SessionProvider>
    </ErrorBoundary>
  );
}
