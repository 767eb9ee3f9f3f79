/** Run by a test in a process of its own: prints what launch says of two classes of one name. */
import { Serializable } from '@apiary/decorators';
import { inspect, isApiaryError } from '@apiary/decorators/internal';

@Serializable('money')
class Money {}
@Serializable('money')
class AlsoMoney {}

class Service {}
try {
  inspect({ services: [Service] });
} catch (error) {
  if (!isApiaryError(error, 'REGISTRATION')) throw error;
  process.stdout.write(JSON.stringify(error.details.problems));
}
export { AlsoMoney, Money };
