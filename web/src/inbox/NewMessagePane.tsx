import { type FormEvent, useEffect, useId, useMemo, useState } from "react";
import { Link, useLocation } from "wouter";
import type { Contact } from "../api/slice";
import { ErrorSummary, type Problem } from "../session/ErrorSummary";
import { Icon } from "../ui/Icon";
import { Notice } from "../ui/Notice";
import { PageHeading } from "../ui/PageHeading";
import { useAction } from "../ui/useAction";
import { useWorkspace, useWorkspaceState } from "../workspace/WorkspaceProvider";
import { Avatar } from "./Avatar";
import { maxTextLength } from "./Composer";
import { chatPath } from "./chatPath";
import { phoneDigits } from "./phoneNumber";
import { plain } from "./search";

/** Contacts offered at once; typing narrows them. */
const offered = 5;

/** A first message to a contact or a number. */
export function NewMessagePane() {
  const workspace = useWorkspace();
  const [, navigate] = useLocation();
  const contacts = useWorkspaceState((state) => state.contacts);
  const [to, setTo] = useState("");
  const [chosen, setChosen] = useState<Contact | null>(null);
  const [text, setText] = useState("");
  const [problems, setProblems] = useState<readonly Problem[]>([]);
  const load = useAction(() => workspace.loadContacts());
  const list = useId();

  // biome-ignore lint/correctness/useExhaustiveDependencies: read once when the page opens; events keep them current.
  useEffect(() => {
    if (!contacts) void load.run();
  }, []);

  const matches = useMemo(() => matching(contacts ?? [], to), [contacts, to]);

  const sending = useAction(async () => {
    const chatId = await workspace.startChat(chosen ? chosen.id : to.trim(), text.trim());
    navigate(chatPath(chatId), { replace: true });
  });

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found: Problem[] = [];
    if (!chosen && !phoneDigits(to)) {
      found.push({
        field: "to",
        sentence: "Choose a contact, or type a whole number with its country code.",
      });
    }
    if (text.trim() === "") found.push({ field: "text", sentence: "Write a message." });
    setProblems(found);
    if (found.length === 0) void sending.run();
  };

  const choose = (contact: Contact) => {
    setChosen(contact);
    setTo(contact.name);
    document.getElementById("text")?.focus();
  };

  return (
    <section className="conversation" aria-label="New message">
      <header className="pane-head">
        <Link href="/" className="icon-button pane-back">
          <Icon name="back" />
          <span className="visually-hidden">Back to the inbox</span>
        </Link>
        <div className="pane-title">
          <PageHeading title="New message">New message</PageHeading>
        </div>
      </header>
      <form className="new-message" noValidate onSubmit={submit}>
        <ErrorSummary problems={problems} />
        {(sending.problem ?? load.problem) && (
          <Notice kind="bad" announced>
            {sending.problem ?? load.problem}
          </Notice>
        )}
        <div className="field">
          <label htmlFor="to">To</label>
          <input
            id="to"
            autoComplete="off"
            aria-describedby="to-hint"
            aria-controls={list}
            value={to}
            onChange={(event) => {
              setTo(event.target.value);
              setChosen(null);
            }}
          />
          <p className="field-hint" id="to-hint">
            A contact’s name, or a number with its country code, like +1 555 010 0123.
          </p>
        </div>
        {!chosen && (
          <ul className="contacts" id={list} aria-label="Contacts">
            {matches.map((contact) => (
              <li key={contact.id}>
                <button type="button" className="contact" onClick={() => choose(contact)}>
                  <Avatar id={contact.id} name={contact.name} />
                  <span>{contact.name}</span>
                  <span className="contact-number">{contact.phoneNumber}</span>
                </button>
              </li>
            ))}
          </ul>
        )}
        <div className="field">
          <label htmlFor="text">Message</label>
          <textarea
            id="text"
            rows={4}
            maxLength={maxTextLength}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </div>
        <button type="submit" className="button" aria-disabled={sending.busy}>
          {sending.busy ? "Sending…" : "Send message"}
        </button>
      </form>
    </section>
  );
}

function matching(contacts: readonly Contact[], typed: string): Contact[] {
  const sought = plain(typed);
  const digits = phoneDigits(typed) ?? typed.replace(/\D/g, "");
  return contacts
    .filter(
      ({ name, phoneNumber }) =>
        plain(name).includes(sought) || (digits !== "" && (phoneNumber ?? "").includes(digits)),
    )
    .slice(0, offered);
}
