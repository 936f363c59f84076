/**
 * The entry: theme, nonce, client, router.
 */
import "./theme/fonts.css";
import "./theme/tokens.css";
import "./theme/base.css";
import { createClient } from "@sightline/wire/api/client";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { TooltipProvider } from "./components/tooltip.tsx";
import { ApiProvider } from "./data/api.tsx";
import { createQueryClient } from "./data/queries.ts";
import { router } from "./routes.tsx";
import { startTheme } from "./theme/theme.ts";

startTheme();

// Radix locks scrolling behind layers with a style element; the policy takes it only with the nonce of this page.
const nonce = document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce;
if (nonce) setNonce(nonce);

const place = document.getElementById("root");
if (!place) throw new Error("index.html has no element #root.");

createRoot(place).render(
  <StrictMode>
    <ApiProvider api={createClient({ baseUrl: "" })}>
      <QueryClientProvider client={createQueryClient()}>
        <TooltipProvider delayDuration={400} skipDelayDuration={200}>
          <RouterProvider router={router} />
        </TooltipProvider>
      </QueryClientProvider>
    </ApiProvider>
  </StrictMode>,
);
