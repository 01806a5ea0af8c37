// Setting up: a camera is added, lines and zones are drawn by mouse, keyboard and touch, two people edit one stream.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, CAMERAS, screen, Site, until } from "./site.mjs";

const CONFIGURATION = `
site: { name: Test, contact: privacy@site.example }
engine: { eyes: 1 }
profiles:
  campus: { purpose: count people on a path, retention: 1h, look_rate: 4, labels: [person] }
streams:
  of-the-file: { url: "rtsp://${CAMERAS}:8554/cam/0", profile: campus }
`;
let site, page;

before(async () => {
  site = await Site.start(CONFIGURATION, { 8554: 2 });
  page = await site.tab();
  await page.goto(site.link);
  await page.getByRole("heading", { name: "Live", level: 1 }).waitFor();
});
after(() => site?.stop());

const go = async (to, tab = page) => {
  await tab.goto(`${site.base}/#/${to}`);
  await tab.locator("h1").first().waitFor();
};
const settings = async (name) => (await site.api("GET", `/api/v1/streams/${name}/settings`)).body;
const area = (tab = page) => tab.locator("svg.draw");
const row = (name, tab = page) => tab.getByRole("row").filter({ has: tab.getByRole("rowheader", { name, exact: true }) });

/** Presses the mouse at places of the drawing area, 0..1. */
async function press(tab, ...places) {
  await area(tab).scrollIntoViewIfNeeded();
  const { x, y, width, height } = await area(tab).locator(".ground").boundingBox();
  for (const [left, top] of places) await tab.mouse.click(x + left * width, y + top * height);
}

test("an address that the API may not reach is refused with the reason", async () => {
  await go("streams");
  await page.getByRole("link", { name: "Add a camera" }).click();
  await page.getByLabel("Address").fill("rtsp://127.0.0.1:8554/cam/1");
  await page.getByLabel("Name").fill("inside");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("alert").filter({ hasText: "loopback" }).waitFor();
  await accessible(page, "a refused camera");
});

test("a camera is looked at and added", async () => {
  await go("streams/+");
  await page.getByLabel("Address").fill(`rtsp://${CAMERAS}:8554/cam/1`);
  await page.getByLabel("Name").fill("");
  await page.getByRole("button", { name: "Look at it" }).click();
  await page.getByText("H.264, 640×360").waitFor();
  await screen(page, "add");
  assert.equal(await page.getByLabel("Name").inputValue(), "10-77-0-1-cam-1");
  await page.getByLabel("Name").fill("entrance");
  await page.getByLabel("Profile").selectOption("campus");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("heading", { name: "entrance", level: 1 }).waitFor();
  await page.locator(".state.good").waitFor();
  await until("a box", async () => (await area().locator(".box").count()) > 0);
});

test("a line is drawn with the mouse and counts at once", async () => {
  await page.getByRole("button", { name: "Line", exact: true }).click();
  await press(page, [0.6, 0.1], [0.6, 0.9]);
  await row("line-1").waitFor();
  const { own } = await settings("entrance");
  const [{ line }] = own.rules;
  assert.deepEqual(line.points.map((point) => point.map((value) => value.toFixed(1))), [["0.6", "0.1"], ["0.6", "0.9"]]);
  assert.match(await area().locator(".shape.line text").textContent(), /line-1: 0 in, 0 out/);
  const counted = async () => {
    const [, inwards, out] = /(\d+) in, (\d+) out/.exec(await row("line-1").textContent());
    return Number(inwards) + Number(out) > 0;
  };
  await until("somebody crosses", counted, 120_000);
  assert.doesNotMatch(await area().locator(".shape.line text").textContent(), /: 0 in, 0 out/);
  const { events } = (await site.api("GET", "/api/v1/events?stream=entrance&kind=crossed&rule=line-1")).body;
  assert.ok(events.length > 0, "what was counted is stored as well");
  await screen(page, "draw");
});

test("a line is turned round, a zone is drawn with the keyboard, both hold after a reload", async () => {
  const before = (await settings("entrance")).own.rules[0].line.points;
  await page.getByRole("button", { name: "Turn round line-1" }).click();
  await until("it is turned", async () => JSON.stringify((await settings("entrance")).own.rules[0].line.points) === JSON.stringify([...before].reverse()));
  await page.getByRole("button", { name: "Zone", exact: true }).click();
  await until("the area has the focus", () => area().evaluate((svg) => svg === document.activeElement));
  for (const key of ["Space", "Shift+ArrowRight", "ArrowRight", "Space", "Shift+ArrowDown", "Space", "Backspace", "Space", "Enter"]) await page.keyboard.press(key);
  await row("zone-1").waitFor();
  const { own } = await settings("entrance");
  assert.deepEqual(own.zones["zone-1"], [[0.5, 0.5], [0.56, 0.5], [0.56, 0.55]]);
  await page.reload();
  await row("zone-1").waitFor();
  await row("line-1").waitFor();
});

test("a mask is drawn by touch on a phone", async () => {
  const phone = await site.tab({ viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true, storageState: await page.context().storageState() });
  await go("streams/entrance", phone);
  await phone.getByRole("button", { name: "Mask", exact: true }).tap();
  await area(phone).scrollIntoViewIfNeeded();
  const { x, y, width, height } = await area(phone).locator(".ground").boundingBox();
  for (const [left, top] of [[0.02, 0.02], [0.1, 0.02], [0.1, 0.2]]) await phone.touchscreen.tap(x + left * width, y + top * height);
  await phone.getByRole("button", { name: "Finish" }).tap();
  await row("mask-1", phone).waitFor();
  const whole = await phone.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(whole <= 390, `${whole} px wide`);
  await accessible(phone, "drawing on a phone");
  assert.deepEqual(phone.wrong, []);
  await phone.context().close();
});

test("the second of two editors is told, and loses nothing that the first did", async () => {
  const other = await site.tab({ storageState: await page.context().storageState() });
  for (const tab of [page, other]) {
    await go("streams/of-the-file", tab);
    await tab.getByText("Choose what to draw").waitFor();
  }
  await page.getByRole("button", { name: "Line", exact: true }).click();
  await press(page, [0.2, 0.2], [0.2, 0.8]);
  await row("line-1").waitFor();
  await other.getByRole("button", { name: "Line", exact: true }).click();
  await press(other, [0.8, 0.2], [0.8, 0.8]);
  await other.getByRole("alert").filter({ hasText: "Somebody else changed this stream" }).waitFor();
  await accessible(other, "a conflict");
  await screen(other, "conflict");
  const { own } = await settings("of-the-file");
  assert.ok(Math.abs(own.rules[0].line.points[0][0] - 0.2) < 0.01);
  await other.getByRole("button", { name: "Show what it is now" }).click();
  await row("line-1", other).waitFor();
  await other.getByRole("button", { name: "Remove line-1" }).click();
  await until("it is gone", async () => (await settings("of-the-file")).own.rules.length === 0);
  await other.getByText("This stream stands in the configuration file").waitFor();
  assert.deepEqual(other.wrong, []);
  await other.context().close();
});

test("lines stand on the tiles; a stream is disabled, enabled and removed", async () => {
  await go("live");
  await page.getByRole("article", { name: "entrance" }).locator(".shape.line").waitFor();
  await go("streams/entrance");
  await page.getByRole("button", { name: "Disable" }).click();
  await page.locator(".state", { hasText: "disabled" }).waitFor();
  await page.getByRole("button", { name: "Enable" }).click();
  await page.locator(".state.good").waitFor();
  page.once("dialog", (dialog) => dialog.accept());
  await page.getByRole("button", { name: "Remove this stream" }).click();
  await page.getByRole("heading", { name: "Streams" }).waitFor();
  await until("it is gone", async () => (await row("entrance").count()) === 0 && (await row("of-the-file").count()) === 1);
});

test("a viewer is offered nothing of this, and axe-core finds nothing", async () => {
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const where of ["streams/+", "streams/of-the-file"]) {
      await go(where);
      await until("it is loaded", async () => (await page.getByText("Loading …").count()) === 0);
      await accessible(page, `${where}, ${scheme}`);
    }
  }
  const { body } = await site.api("POST", "/api/v1/users", { name: "visitor", role: "viewer", groups: null });
  const visitor = await site.tab();
  await visitor.goto(`${site.base}/#/login/${body.link}`);
  await visitor.getByRole("heading", { name: "Live", level: 1 }).waitFor();
  await go("streams", visitor);
  await row("of-the-file", visitor).waitFor();
  assert.equal(await visitor.getByRole("link", { name: /Add a camera|Edit/ }).count(), 0);
  assert.deepEqual([...page.wrong, ...visitor.wrong], []);
});
