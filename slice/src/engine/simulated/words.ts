import { type Chance, chance } from "./random.js";

/** One line of a conversation: who says it, and what. */
export interface Line {
  fromMe: boolean;
  text: string;
}

const them = (text: string): Line => ({ fromMe: false, text });
const me = (text: string): Line => ({ fromMe: true, text });

const conversations = [
  [
    them("Hello! Do you still have the {item} in stock?"),
    me("Hi, yes we do. {count} left at the moment."),
    them("Great, could you put one aside for me until {day}?"),
    me("Done. It is under your name at the counter."),
    them("Perfect, thank you 🙏"),
  ],
  [
    them("Good morning, I would like to move my appointment on {day}."),
    me("Of course. Would {time} the day after suit you?"),
    them("A little later would be better, I have the school run"),
    me("Then 11:15?"),
    them("11:15 is perfect"),
    me("Booked. See you then!"),
  ],
  [
    me("Your order {order} has left our workshop. It should be with you by {day}."),
    them("Oh that was quick! Do I need to be at home?"),
    me("No, the driver can leave it with a neighbour if you tell me which one."),
    them("Number 14, the blue door. They know."),
    me("Noted, thank you."),
    them("It arrived. Everything in one piece 😊"),
  ],
  [
    them("Hi, I was given your number by a friend. What would you charge for {count} of the {item}?"),
    me("Hello and welcome! For {count} it would be {price}, delivery included."),
    them("And for twice as many?"),
    me("Twice the price less ten per cent."),
    them("Let me talk to my partner and come back to you"),
  ],
  [
    them("The invoice for {order} shows {price}, but we agreed on a bit less, didn't we?"),
    me("You are right, the discount is missing. I am sending you a corrected one."),
    them("Thanks, got it. Paid just now."),
    me("Received. Sorry for the trouble!"),
    them("No harm done"),
  ],
  [them("Are you open on {day}?"), me("Yes, from nine until {time}."), them("👍")],
  [
    me("Hello, a short reminder of your appointment on {day} at {time}. Reply here if you cannot make it."),
    them("I'll be there"),
    me("See you!"),
  ],
  [
    them("The {item} I bought last month has come loose at one end. Is that covered?"),
    me("I am sorry to hear that. It is covered for two years. Could you bring it by?"),
    them("I am in town on {day}, around {time}"),
    me("That works. It takes about twenty minutes, coffee is on us ☕"),
    them("Deal"),
    them("Do I need the receipt?"),
    me("No, your name is enough."),
  ],
  [
    them("Just wanted to say the {item} is wonderful. My mother cried when she saw it ❤️"),
    me("That makes our week. Thank you for telling us!"),
    them("I have told everyone about you"),
  ],
  [
    them("Can I collect {order} today?"),
    me("It will be ready after {time}."),
    them("On my way then"),
    them("Where can I park?"),
    me("Behind the house, second gate. The first half hour is free."),
  ],
  [
    me("Hi! The {item} you asked about is back. Shall I keep one for you?"),
    them("Yes please!!"),
    them("Can I pay by transfer?"),
    me("Of course, the details are on the invoice. Reference {order}."),
  ],
  [
    them("Do you deliver outside the city?"),
    me("Up to forty kilometres, on Tuesdays and Fridays."),
    them("Then please add me for {day}: {count} of the {item}"),
    me("Added. The driver rings half an hour before."),
    them("Thanks a lot"),
    them("One more thing: the bell is broken, please knock"),
  ],
] as const satisfies [Line[], ...Line[][]];

const openings = [
  "Hello, is the {item} still available?",
  "Good afternoon! Could you send me a price for {count} of the {item}?",
  "Hi, can I still change order {order}?",
  "Is there a free slot on {day} around {time}?",
  "Quick question: how long does delivery take at the moment?",
  "Hi there, the parcel for {order} has not arrived yet. Could you have a look?",
  "We are {count} people on {day}. Do you have room for us?",
  "Thank you for today, it was lovely!",
  "I'm running ten minutes late, sorry",
  "Could you call me back after {time}?",
  "Do you also repair older models of the {item}?",
  "Can I pay the {price} in two parts?",
  "Hi! My sister recommended you. Do you take new customers?",
  "Is it all right if I bring the dog?",
  "I left my scarf at your place, I think. Grey, with a stripe?",
  "Please cancel my appointment on {day}, I have caught a cold 🤧",
  "The {item} fits perfectly, thanks again",
  "What are your opening hours over the holidays?",
  "Could I have the invoice for {order} once more?",
  "Does the {item} come in green?",
  "I have just transferred {price}. Could you confirm when it arrives?",
  "Same as last time please: {count} of the {item}, for {day} 🙂",
  "Are you hiring, by any chance?",
  "I am at the door 🚪",
] as const satisfies [string, ...string[]];

const answers = [
  "Yes, that works for me.",
  "Let me check and get back to you.",
  "{day} would be best, around {time}.",
  "I think so. Could you send me a picture?",
  "Good question! I will ask my partner tonight.",
  "Not this week, I am afraid. The one after?",
  "Sure, no problem at all.",
  "{count} should be enough.",
] as const satisfies [string, ...string[]];

const remarks = [
  "Thank you!",
  "Great, thanks 👍",
  "Wonderful, see you then.",
  "Perfect.",
  "That is good to know, thank you.",
  "Lovely, I am looking forward to it 😊",
  "Got it.",
] as const satisfies [string, ...string[]];

const items = [
  "walnut desk",
  "blue teapot",
  "reading lamp",
  "gift box",
  "winter coat",
  "birthday cake",
  "oak shelf",
  "bicycle basket",
  "wool blanket",
  "espresso set",
  "garden bench",
  "travel mug",
  "picture frame",
  "linen shirt",
] as const satisfies [string, ...string[]];
const days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const satisfies [
  string,
  ...string[],
];
const times = ["10:30", "14:00", "15:45", "16:30", "17:15", "18:00"] as const satisfies [string, ...string[]];

/** A conversation between the phone's owner and a customer, oldest line first. */
export function conversation(draw: Chance): Line[] {
  const values = slots(draw);
  return draw.pick<Line[]>(conversations).map((line) => ({ ...line, text: fill(line.text, values) }));
}

/** Something that a customer writes out of the blue. */
export function opening(draw: Chance): string {
  return fill(draw.pick(openings), slots(draw));
}

/**
 * What the other side answers to a message: the same every time for the same message.
 * null for no answer; questions always get one.
 */
export function replyTo(message: { id: string; text: string }): string | null {
  const draw = chance("reply", message.id);
  if (message.text.includes("?")) return fill(draw.pick(answers), slots(draw));
  return draw.int(2) === 0 ? draw.pick(remarks) : null;
}

function slots(draw: Chance): Record<string, string> {
  return {
    item: draw.pick(items),
    day: draw.pick(days),
    time: draw.pick(times),
    count: String(2 + draw.int(10)),
    order: `#${1000 + draw.int(9000)}`,
    price: `${15 + draw.int(400)}.50`,
  };
}

function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (slot, name: string) => values[name] ?? slot);
}
