import { accountTour } from "./tour-account";
import { agentsTour } from "./tour-agents";
import { connectTour } from "./tour-connect";
import { entranceTour } from "./tour-entrance";
import { tokensTour } from "./tour-tokens";

/** All pages, dialogs and states of the program. Each tour starts with an empty one. */
export const tours = {
  "the tokens": tokensTour,
  "connecting a gateway": connectTour,
  "the agents": agentsTour,
  "the account": accountTour,
  "invite, profile and command line": entranceTour,
};
