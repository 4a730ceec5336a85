import { expect, test } from "@jest/globals";
import { Room } from "../../../src/storage/room.ts";

/** Asks for room and says when it came. */
function ask(room: Room, bytes: number) {
  const asked = { hasRoom: false, leave: () => {} };
  const entered = room.take(bytes).then((leave) => Object.assign(asked, { hasRoom: true, leave }));
  return { asked, entered };
}

const settled = async () => await new Promise((resolve) => setImmediate(resolve));

test("who asks for more than is left waits until room is given back, in the order of asking", async () => {
  const room = new Room(10);
  const [first, second, third] = [ask(room, 6), ask(room, 6), ask(room, 4)];
  await settled();
  expect([first, second, third].map(({ asked }) => asked.hasRoom)).toEqual([true, false, false]);
  first.asked.leave();
  first.asked.leave();
  await settled();
  expect([second, third].map(({ asked }) => asked.hasRoom)).toEqual([true, true]);
  const fourth = ask(room, 1);
  await settled();
  expect(fourth.asked.hasRoom).toBe(false);
});

test("one that asks for more than all of it has it alone", async () => {
  const room = new Room(10);
  const [small, great, next] = [ask(room, 1), ask(room, 50), ask(room, 1)];
  await settled();
  expect([great, next].map(({ asked }) => asked.hasRoom)).toEqual([false, false]);
  small.asked.leave();
  await settled();
  expect([great, next].map(({ asked }) => asked.hasRoom)).toEqual([true, false]);
  great.asked.leave();
  await next.entered;
});
