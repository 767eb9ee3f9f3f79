#!/usr/bin/env node
import { checkDeploy } from './check-deploy.js';

// Lines of the sources that the user wrote, where there are source maps.
process.setSourceMapsEnabled(true);
process.exitCode = await checkDeploy(process.argv.slice(2), { databaseUrl: process.env['DATABASE_URL'], print: (text) => process.stdout.write(text) });
