package com.example.versions;

import com.alibaba.dubbo.config.ApplicationConfig;
import com.alibaba.dubbo.config.ProtocolConfig;
import com.alibaba.dubbo.config.ReferenceConfig;
import com.alibaba.dubbo.config.RegistryConfig;
import com.alibaba.dubbo.config.ServiceConfig;

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

    /** 127.0.0.1 as one number: by its usual name, Dubbo connects to the address of a network card instead. */
    private static String host(String address) {
        return address.replace("127.0.0.1:", "2130706433:");
    }

    private static ApplicationConfig application() {
        ApplicationConfig application = new ApplicationConfig("versions");
        application.setQosEnable(false);
        return application;
    }

    private static void serve(int port) throws Exception {
        ProtocolConfig protocol = new ProtocolConfig("dubbo", port);
        protocol.setHost("127.0.0.1");
        ServiceConfig<Echo> service = new ServiceConfig<>();
        service.setApplication(application());
        service.setRegistry(new RegistryConfig("N/A"));
        service.setProtocol(protocol);
        service.setInterface(Echo.class);
        service.setRef(new EchoService());
        service.export();
        System.out.println("ready " + port);
        Thread.currentThread().join();
    }

    private static void call(String address, String check, int n) throws Exception {
        ReferenceConfig<Echo> reference = new ReferenceConfig<>();
        reference.setApplication(application());
        reference.setInterface(Echo.class);
        reference.setUrl("dubbo://" + host(address) + "/" + Echo.class.getName());
        reference.setTimeout(30_000);
        reference.setRetries(0);
        reference.setCheck(false);
        Checks.run(reference.get(), check, n);
    }
}
