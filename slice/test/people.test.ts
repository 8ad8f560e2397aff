import assert from "node:assert/strict";
import { test } from "node:test";
import { historyOf } from "../src/engine/simulated/history.js";
import { ownNumber, peopleOf } from "../src/engine/simulated/people.js";

const linkedAt = Date.parse("2030-01-01T12:00:00Z");

test("a slice's people are always the same, and another slice's are others", () => {
  const seven = peopleOf(7, 200);
  assert.deepEqual(seven, peopleOf(7, 200));
  const numbers = new Set([ownNumber(7), ...seven.map((person) => person.phoneNumber)]);
  assert.equal(numbers.size, 201);
  for (const other of [1, 6, 8, 300]) {
    const people = peopleOf(other, 200);
    for (const person of people) assert.ok(!numbers.has(person.phoneNumber), `${other} shares ${person.id}`);
    assert.ok(!numbers.has(ownNumber(other)));
    assert.notDeepEqual(
      people.map((person) => person.name),
      seven.map((person) => person.name),
    );
  }
});

test("nobody has a number that could be somebody's, and nobody a name twice", () => {
  for (const people of [peopleOf(399, 240), peopleOf(123_456, 20_000)]) {
    for (const person of people) {
      assert.match(person.phoneNumber ?? "", /^\+155501\d{5}$/);
      assert.equal(person.id, `${person.phoneNumber?.slice(1)}@c.us`);
    }
    assert.equal(new Set(people.map((person) => person.name)).size, people.length);
    assert.equal(new Set(people.map((person) => person.id)).size, people.length);
  }
});

test("a history is plausible: newest chat first, lines in order, nothing of the future", () => {
  const history = historyOf(7, peopleOf(7, 120), linkedAt);
  assert.ok(history.length > 50 && history.length < 100, `${history.length} chats`);
  const ids = history.flatMap((past) => past.messages.map((message) => message.id));
  assert.equal(new Set(ids).size, ids.length);
  for (const { chat, messages } of history) {
    const times = messages.map((message) => Date.parse(message.at));
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.ok(times.every((time) => time < linkedAt));
    const unread = messages.slice(messages.length - chat.unread);
    assert.ok(unread.every((message) => !message.fromMe));
    for (const { text } of messages) assert.doesNotMatch(text, /[{}]|undefined/);
  }
  const newest = history.map(({ messages }) => Date.parse(messages.at(-1)?.at ?? ""));
  assert.ok(linkedAt - (newest[0] ?? 0) < 3_600_000, "the first chat is of the last hour");
  assert.ok(linkedAt - (newest.at(-1) ?? 0) > 30 * 86_400_000, "the last chat is over a month old");
  assert.ok(history.some(({ chat }) => chat.unread > 0));
});
