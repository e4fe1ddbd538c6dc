package com.example.versions;

import com.alipay.sofa.rpc.config.ApplicationConfig;
import com.alipay.sofa.rpc.config.ConsumerConfig;
import com.alipay.sofa.rpc.config.ProviderConfig;
import com.alipay.sofa.rpc.config.ServerConfig;

/** server PORT | client HOST:PORT CHECK N */
public class Main {
    public static void main(String[] args) throws Exception {
        if (args[0].equals("server")) {
            serve(Integer.parseInt(args[1]));
            return;
        }
        call(args[1], args[2], Integer.parseInt(args[3]));
        System.exit(0); // its threads would go on
    }

    private static void serve(int port) throws Exception {
        ServerConfig server = new ServerConfig().setProtocol("bolt").setHost("127.0.0.1").setPort(port).setDaemon(false);
        new ProviderConfig<Echo>()
                .setApplication(new ApplicationConfig().setAppName("versions"))
                .setInterfaceId(Echo.class.getName())
                .setRef(new EchoService())
                .setServer(server)
                .setRegister(false)
                .export();
        System.out.println("ready " + port);
        Thread.currentThread().join();
    }

    private static void call(String address, String check, int n) throws Exception {
        ConsumerConfig<Echo> consumer = new ConsumerConfig<Echo>()
                .setApplication(new ApplicationConfig().setAppName("versions"))
                .setInterfaceId(Echo.class.getName())
                .setProtocol("bolt")
                .setDirectUrl("bolt://" + address)
                .setTimeout(30_000)
                .setRegister(false);
        Checks.run(consumer.refer(), check, n);
    }
}
