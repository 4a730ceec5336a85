import { answerOf, type Cryptoki, type ThreadedCall } from "../../src/custody/cryptoki.ts";

/**
 * Has calls wait before they are made until they are let go. SoftHSM 2.6.1 frees a session that is closed while another thread works in it,
 * which ends the process; what a device closes is closed here when no thread does.
 */
export function holdCalls(cryptoki: Cryptoki, name: ThreadedCall) {
  const { promise: isOpen, resolve: open } = Promise.withResolvers<void>();
  const call = cryptoki[name].bind(cryptoki);
  const answers: string[] = [];
  let waiting = 0;
  cryptoki[name] = async (...given) => {
    waiting += 1;
    await isOpen;
    return await call(...given).catch((error: unknown) => {
      answers.push(answerOf(error));
      throw error;
    });
  };
  const letGo = () => {
    cryptoki[name] = call;
    open();
  };
  return { waiting: () => waiting, answers: () => answers, letGo };
}
