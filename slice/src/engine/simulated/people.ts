import type { Contact } from "../../api.js";
import { chance } from "./random.js";

// Numbers in +1 555 01x xxxx belong to nobody. Each of 400 slices has a block of its own; then they repeat.
const numbers = 100_000;
const block = 250;

const firstNames = [
  "Amara",
  "Anton",
  "Aiko",
  "Beatriz",
  "Bram",
  "Carmen",
  "Chidi",
  "Clara",
  "Dario",
  "Deepa",
  "Elif",
  "Emil",
  "Esther",
  "Farid",
  "Fiona",
  "Freya",
  "Gabriel",
  "Greta",
  "Hana",
  "Hugo",
  "Ines",
  "Ivo",
  "Jamal",
  "Joana",
  "Kaito",
  "Katya",
  "Kwame",
  "Laila",
  "Leo",
  "Lucia",
  "Mateo",
  "Maya",
  "Mei",
  "Milan",
  "Nadia",
  "Nils",
  "Noor",
  "Olivia",
  "Omar",
  "Paula",
  "Priya",
  "Rafael",
  "Rosa",
  "Samir",
  "Sofia",
  "Sven",
  "Tariq",
  "Tessa",
  "Thandi",
  "Tomas",
  "Valentina",
  "Viktor",
  "Wanjiru",
  "Willem",
  "Yara",
  "Yusuf",
  "Zofia",
  "Zuri",
] as const satisfies [string, ...string[]];

const lastNames = [
  "Abara",
  "Almeida",
  "Andersen",
  "Aydin",
  "Bakker",
  "Bellini",
  "Brandt",
  "Castellan",
  "Chaudhry",
  "Costa",
  "Delacroix",
  "Duarte",
  "Eriksson",
  "Fairweather",
  "Ferreira",
  "Fontaine",
  "Gallagher",
  "Ganesan",
  "Haddad",
  "Halvorsen",
  "Hartwell",
  "Ibarra",
  "Ito",
  "Jansen",
  "Kariuki",
  "Kowal",
  "Lindqvist",
  "Lombard",
  "Maher",
  "Marchetti",
  "Mbeki",
  "Moreau",
  "Nakagawa",
  "Navarro",
  "Novak",
  "Okonjo",
  "Oliveira",
  "Osei",
  "Pellegrin",
  "Petrov",
  "Quispe",
  "Rahimi",
  "Reinholt",
  "Rosales",
  "Sandoval",
  "Santangelo",
  "Sato",
  "Silvestri",
  "Sorensen",
  "Tanaka",
  "Thornbury",
  "Ustinov",
  "Vandermeer",
  "Vasquez",
  "Weiland",
  "Winterbourne",
  "Yilmaz",
  "Zielinska",
] as const satisfies [string, ...string[]];

const places = [
  "Harbour Street",
  "Old Mill",
  "Lighthouse",
  "Juniper Lane",
  "Two Rivers",
  "Copperfield",
  "Saltmarsh",
  "Northgate",
  "Willow Yard",
  "Paper Moon",
  "Kingfisher",
  "Long Meadow",
  "Red Door",
  "Seven Steps",
] as const satisfies [string, ...string[]];

const trades = [
  "Bakery",
  "Bicycles",
  "Books",
  "Carpentry",
  "Catering",
  "Ceramics",
  "Dental",
  "Florist",
  "Garage",
  "Gym",
  "Opticians",
  "Physio",
  "Plumbing",
  "Printers",
  "Tailors",
  "Travel",
  "Veterinary",
  "Yoga",
] as const satisfies [string, ...string[]];

/** The address book of the simulated phone: the same people for the same slice, others for another. */
export function peopleOf(sliceId: number, count: number): [Contact, ...Contact[]] {
  const draw = chance(sliceId, "people");
  const names = new Set<string>();
  const person = (index: number): Contact => {
    let name =
      draw.int(9) === 0
        ? `${draw.pick(places)} ${draw.pick(trades)}`
        : `${draw.pick(firstNames)} ${draw.pick(lastNames)}`;
    while (names.has(name)) name = name.replace(/ (\S+)$/, ` ${draw.pick(firstNames)[0]}. $1`);
    names.add(name);
    return contactOf(sliceId, index, name);
  };
  const others = Array.from({ length: count - 1 }, (_, i) => i + 2);
  return [person(1), ...others.map(person)];
}

/** The phone's own number: "+15550100250". */
export function ownNumber(sliceId: number): string {
  return contactOf(sliceId, 0, "").phoneNumber ?? "";
}

function contactOf(sliceId: number, index: number, name: string): Contact {
  const line = (((sliceId * block) % numbers) + index) % numbers;
  const digits = `155501${String(line).padStart(5, "0")}`;
  return { id: `${digits}@c.us`, name, phoneNumber: `+${digits}` };
}
