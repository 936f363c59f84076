/**
 * Property tests draw the same cases in every run, so that a test command that was green stays green. To look for new
 * counterexamples: `SIGHTLINE_TEST_SEED=$RANDOM npm run test:unit`.
 */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env.SIGHTLINE_TEST_SEED ?? 20_261_124) });
