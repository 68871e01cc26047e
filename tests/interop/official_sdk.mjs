// The official JavaScript SDK (futu-api or moomoo-api) as a client: what it sees, as JSON lines on stdout.
//
// Usage: node official_sdk.mjs PACKAGE PORT KEY, from the folder whose node_modules has the package. Ends when its
// stdin does. Logs in, lists accounts, subscribes, lists each account's orders, says "ready", then tells every push.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const [name, port, key] = process.argv.slice(2);
const out = process.stdout.write.bind(process.stdout);
console.log = console.debug = console.error; // what the SDK itself prints is no data

const say = (kind, body) => out(JSON.stringify({ kind, body }) + "\n");
process.stdin.resume().on("end", () => process.exit(0));

const main = createRequire(path.join(process.cwd(), "here.js")).resolve(name);
const { default: Sdk } = await import(pathToFileURL(main));

const client = new Sdk();
client.onPush = (cmd, response) => say("push", { cmd, response });
client.onlogin = async (ok, answer) => {
  if (!ok) {
    say("refused", { answer: String(answer) });
    return;
  }
  try {
    const accounts = (await client.GetAccList({ c2s: { userID: 0, needGeneralSecAccount: true } })).s2c.accList;
    say("accounts", accounts);
    await client.SubAccPush({ c2s: { accIDList: accounts.map((account) => account.accID) } });
    for (const { trdEnv, accID, trdMarketAuthList } of accounts) {
      const header = { trdEnv, accID, trdMarket: trdMarketAuthList[0] };
      say("orders", (await client.GetOrderList({ c2s: { header, refreshCache: true } })).s2c.orderList);
    }
    say("ready", null);
  } catch (error) {
    say("failed", { error: JSON.stringify(error) + String(error) });
  }
};
client.start("127.0.0.1", Number(port), false, key);
